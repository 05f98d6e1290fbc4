package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Removal is one line of a report of removed files. Its JSON is the unlinks
// event of --json; what has omitempty is left out where it is not known.
type Removal struct {
	Time time.Time `json:"time"`
	Path string    `json:"path"`
	// Kind is what became of the file: "deleted", "replaced", "moved",
	// "truncated", or "vanished" where nobody was seen to do it.
	Kind    string         `json:"kind"`
	PID     int            `json:"pid"` // 0 where nobody was seen to do it
	TID     int            `json:"tid"`
	Comm    string         `json:"comm"`
	Exe     string         `json:"exe"`
	Argv    []string       `json:"argv"`
	UID     uint32         `json:"uid"`
	Cgroup  string         `json:"cgroup"`
	Parents []RemovalBegan `json:"parents"` // the nearest first
	During  *During        `json:"during"`

	Watched   string `json:"watched,omitempty"` // the path that was given, where it is another
	Container string `json:"container,omitempty"`
	Call      string `json:"call,omitempty"`  // the system call
	Error     string `json:"error,omitempty"` // why the attempt failed
	// Other is the other path of a rename, as the program gave it.
	Other string `json:"other,omitempty"`
	// Size is how many bytes are left of a truncated file.
	Size    int64  `json:"size,omitempty"`
	Dir     bool   `json:"dir,omitempty"`
	ArgvCut bool   `json:"argv_cut,omitempty"`
	Note    string `json:"note,omitempty"`
}

// A RemovalBegan is a process that started the one before it.
type RemovalBegan struct {
	PID  int      `json:"pid"`
	Comm string   `json:"comm"`
	Argv []string `json:"argv,omitempty"` // where it still ran when it was asked

	Text string `json:"-"` // its name, and the script that it runs
}

// A RemovalVerdict is what removals of one kind, done in one way, came to.
type RemovalVerdict struct {
	Path   string   `json:"path"`
	Kind   string   `json:"kind"`
	Failed bool     `json:"failed,omitempty"`
	Origin string   `json:"origin,omitempty"`
	Chain  []string `json:"chain"`
	Count  int      `json:"count"`
	Runs   int      `json:"runs"`
	// Period is 0 where it is not regular.
	Period time.Duration `json:"period_ns,omitempty"`
	Spread time.Duration `json:"spread_ns,omitempty"`
	Next   time.Time     `json:"next,omitzero"`
}

// A RemovalSummary is what is said when a report of removals ends.
type RemovalSummary struct {
	Elapsed  time.Duration
	Removed  int
	Verdicts []RemovalVerdict
	// Lost counts, by what was lost, records that did not get through.
	Lost map[string]uint64
	// Cost is what the watching took, as one line.
	Cost string
}

// A RemovalWriter writes removals as they come.
type RemovalWriter struct{ DropWriter }

// NewRemovalWriter returns a writer of removals to w, which it does not close.
func NewRemovalWriter(w io.Writer, opts *DropOptions) *RemovalWriter {
	return &RemovalWriter{*NewDropWriter(w, opts)}
}

// Write writes one removal. Strings that come from the target are escaped.
func (w *RemovalWriter) Write(r *Removal) error {
	var out bytes.Buffer
	var err error
	switch {
	case w.JSON:
		err = encodeRemoval(&out, r)
	case w.Verbose:
		w.expanded(&out, r)
	default:
		w.oneLine(&out, r)
	}
	return w.put("removal", &out, err)
}

func encodeRemoval(out *bytes.Buffer, r *Removal) error {
	line := struct {
		Time string `json:"time"`
		*Removal
		Argv    []string       `json:"argv"` // not null
		Parents []RemovalBegan `json:"parents"`
	}{r.Time.UTC().Format(jsonTime), r, append([]string{}, r.Argv...), append([]RemovalBegan{}, r.Parents...)}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}

// what says what became of the file.
func (r *Removal) what() string {
	text := Escape(r.Kind)
	switch {
	case r.Dir:
		text = "directory " + text
	case r.Kind == "truncated" && r.Size > 0:
		text += fmt.Sprintf(" to %s bytes", formatCount(uint64(r.Size)))
	case r.Kind == "moved" && r.Other != "" && r.Error == "":
		text += " to " + Escape(r.Other)
	case r.Kind == "replaced" && r.Other != "" && r.Error == "":
		text += ", with " + Escape(r.Other) + ","
	}
	if r.Error != "" {
		text = "not " + text + " (" + Escape(r.Error) + ")"
	}
	return text
}

// by is "by rm[4711] ← clean.sh[4700]".
func (r *Removal) by() string {
	if r.PID == 0 {
		return "by nobody that was seen"
	}
	if r.Comm == "" {
		return fmt.Sprintf("by process %d", r.PID)
	}
	text := fmt.Sprintf("by %s[%d]", Escape(r.Comm), r.PID)
	for _, p := range r.Parents {
		if p.PID > 2 {
			text += fmt.Sprintf(" ← %s[%d]", Escape(p.Text), p.PID)
		}
	}
	return text
}

// command is how the program was called.
func (r *Removal) command() string {
	text := strings.Join(r.Argv, " ")
	if r.ArgvCut {
		text += " …"
	}
	return cutWidth(text, maxCommand)
}

// maxCommand bounds what is shown of a command, in cells.
const maxCommand = 200

func (w *RemovalWriter) oneLine(out *bytes.Buffer, r *Removal) {
	style := red
	if r.Error != "" {
		style = plain
	}
	spans := []span{{plain, r.Time.Format("15:04:05.000") + "  "}, {bold, Escape(r.Path)}, {style, "  " + r.what()}, {plain, " " + r.by()}}
	if len(r.Argv) > 1 {
		spans = append(spans, span{dim, "  (" + r.command() + ")"})
	}
	if r.During != nil {
		spans = append(spans, span{plain, "  during " + r.During.text()})
	}
	if r.Container != "" {
		spans = append(spans, span{dim, "  container " + Escape(r.Container)})
	}
	if r.Note != "" {
		spans = append(spans, span{dim, "  " + Escape(r.Note)})
	}
	w.wrapped(out, flowIndent, spans...)
}

func (w *RemovalWriter) expanded(out *bytes.Buffer, r *Removal) {
	w.line(out, span{bold, Escape(r.Path)}, span{red, "  " + strings.TrimSuffix(r.what(), ",")}, span{plain, "  at " + r.Time.Format("15:04:05.000000")})
	who := r.by()
	if r.PID != 0 {
		who = fmt.Sprintf("%s pid %d tid %d, uid %d", Escape(r.Comm), r.PID, r.TID, r.UID)
		for _, part := range [][2]string{{"container ", r.Container}, {"cgroup ", r.Cgroup}, {"", r.Exe}} {
			if part[1] != "" {
				who += ", " + part[0] + Escape(part[1])
			}
		}
	}
	w.item(out, "who", plain, who)
	w.item(out, "ran", plain, r.command())
	for i, p := range r.Parents {
		label := "by"
		if i > 0 {
			label = ""
		}
		w.item(out, label, plain, fmt.Sprintf("%s pid %d  %s", Escape(p.Comm), p.PID, cutWidth(strings.Join(p.Argv, " "), maxCommand)))
	}
	if r.During != nil {
		w.item(out, "during", plain, r.During.text())
	}
	call := r.Call
	if call != "" {
		call += "()"
	}
	w.item(out, "call", plain, Escape(call))
	w.item(out, "note", plain, Escape(r.Note))
}

// Summary writes what the run came to. Under JSON it is one line with the only key
// "summary".
func (w *RemovalWriter) Summary(s *RemovalSummary) error {
	var out bytes.Buffer
	var err error
	if w.JSON {
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(map[string]any{"summary": map[string]any{"elapsed_ns": s.Elapsed.Nanoseconds(), "removed": s.Removed,
			"verdicts": append([]RemovalVerdict{}, s.Verdicts...), "lost": s.Lost, "cost": s.Cost}})
	} else {
		w.removals(&out, s)
	}
	return w.put("summary", &out, err)
}

func (w *RemovalWriter) removals(out *bytes.Buffer, s *RemovalSummary) {
	if s.Removed == 0 {
		w.line(out, span{bold, "nothing was removed in " + shortNS(s.Elapsed)})
	}
	for i, v := range s.Verdicts {
		if i == summaryRows && len(s.Verdicts) > summaryRows+1 {
			w.line(out, span{dim, fmt.Sprintf("%d more ways", len(s.Verdicts)-i)})
			break
		}
		w.paragraph(out, bold, v.text())
	}
	w.accounts(out, s.Lost, s.Cost)
}

// text is "PATH: deleted by cron: clean.sh → find -delete, every 60.0 s ± 0.1, 5
// times; next about 14:05:00".
func (v *RemovalVerdict) text() string {
	var chain []string
	for _, link := range v.Chain {
		chain = append(chain, cutWidth(link, maxCommand/2))
	}
	text := Escape(v.Path) + ": " + Escape(v.Kind)
	if v.Failed {
		text = Escape(v.Path) + ": in vain to be " + Escape(v.Kind)
	}
	switch by := strings.Join(chain, " → "); {
	case v.Kind == "vanished":
		text += ", by nobody that was seen"
	case v.Origin != "":
		text += " by " + Escape(v.Origin) + ": " + by
	default:
		text += " by " + by
	}
	if v.Period > 0 {
		digits := 1
		if v.Period < 10*time.Second {
			digits = 2
		}
		text += fmt.Sprintf(", every %.*f s ± %.*f", digits, v.Period.Seconds(), digits, v.Spread.Seconds())
	}
	switch {
	case v.Count == 1:
		text += ", once"
	case v.Runs > 1 && v.Runs != v.Count:
		text += fmt.Sprintf(", %s times in %s runs", formatCount(uint64(v.Count)), formatCount(uint64(v.Runs)))
	default:
		text += fmt.Sprintf(", %s times", formatCount(uint64(v.Count)))
	}
	if !v.Next.IsZero() {
		text += "; next about " + v.Next.Format("15:04:05")
	}
	return text
}
