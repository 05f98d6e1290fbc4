package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchprof/latch/elfsym"
	"github.com/latchprof/latch/report"
	"github.com/latchprof/latch/uprobe"
)

// listOptions are the flags of list.
type listOptions struct {
	target  targetFlags
	verbose bool
	json    bool
}

func newList(s streams) *cobra.Command {
	o := &listOptions{}
	c := &cobra.Command{
		Use:   "list [-p PID | -e FILE] [PATTERN...]",
		Short: "Show the functions that can be measured, and with -v where and how",
		Example: `  latch list -p $(pidof shop) 'main.*'
  latch list -e /usr/lib/x86_64-linux-gnu/libc.so.6 -v getaddrinfo
  latch list 'sys:*open*'
  latch list 't:skb:*'`,
		RunE: func(c *cobra.Command, args []string) error { return list(s, o, args) },
	}
	o.target.register(c.Flags())
	c.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show parameters, sites, cost and hazards of each")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON Lines")
	return c
}

// listed is a function in the JSON Lines of list.
type listed struct {
	Name    string        `json:"name"`
	Symbol  string        `json:"symbol"`
	Binary  string        `json:"binary"`
	Lang    string        `json:"lang"`
	Addr    uint64        `json:"addr"`
	Size    uint64        `json:"size"`
	File    string        `json:"file,omitempty"`
	Line    int           `json:"line,omitempty"`
	Params  []listedParam `json:"params,omitempty"`
	Entry   *listedSite   `json:"entry,omitempty"`
	Exit    string        `json:"exit,omitempty"`
	Exits   []listedSite  `json:"exits,omitempty"`
	Hazards []string      `json:"hazards,omitempty"`
	Inlined []string      `json:"inlined,omitempty"`
	// Number is a system call's.
	Number *int   `json:"number,omitempty"`
	Error  string `json:"error,omitempty"`
}

type listedParam struct {
	Name   string `json:"name"`
	Result bool   `json:"result,omitempty"`
	// Captured marks a variable of the function around a Go closure.
	Captured bool   `json:"captured,omitempty"`
	Type     string `json:"type"`
	Where    string `json:"where,omitempty"`
	Error    string `json:"error,omitempty"`
}

type listedSite struct {
	Offset uint64 `json:"offset"`
	Cost   string `json:"cost"`
}

func list(s streams, o *listOptions, args []string) error {
	o.target.strLen = 64
	if len(o.target.pids) == 0 && o.target.exe == "" && len(args) > 0 {
		if info, err := os.Stat(args[0]); err == nil && !info.IsDir() {
			o.target.exe, args = args[0], args[1:] // a file alone is what one lists most
		}
	}
	kernels, args := splitKernel(args)
	if len(kernels) > 0 {
		out := bufio.NewWriter(s.out)
		if err := listKernel(out, o, kernels); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write list: %w", err)
		}
		if len(args) == 0 {
			return nil
		}
	}
	req, err := o.target.request(args, nil)
	if err != nil {
		return err
	}
	found, err := uprobe.Find(req)
	if err != nil {
		return err
	}
	defer found.Close()
	var inlined inlinedSites
	if o.verbose {
		inlined = inlinedOf(found)
	}
	out := bufio.NewWriter(s.out)
	encoder := json.NewEncoder(out)
	for _, match := range found.List {
		switch {
		case o.json:
			if err := encoder.Encode(describe(found, req, match, inlined)); err != nil {
				return fmt.Errorf("write list: %w", err)
			}
		case o.verbose:
			writeListed(out, describe(found, req, match, inlined))
		default:
			fmt.Fprintln(out, report.Escape(match.Func.Name))
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write list: %w", err)
	}
	return nil
}

// inlinedSites are where functions were inlined, by their names.
type inlinedSites map[*elfsym.Binary]map[string][]elfsym.InlinedSite

// inlinedOf looks for all of the functions at once, as the whole debug
// information is read. Where there is none, or none that can be read, no
// function has inlined copies that are known.
func inlinedOf(found *uprobe.Matches) inlinedSites {
	names := make(map[*elfsym.Binary][]string)
	for _, m := range found.List {
		names[m.Func.Binary] = append(names[m.Func.Binary], m.Func.Name)
	}
	sites := make(inlinedSites)
	for b, list := range names {
		sites[b], _ = b.Inlined(list...)
	}
	return sites
}

// describe collects what is known about one function; nothing but its name and
// place unless inlined is there.
func describe(found *uprobe.Matches, req *uprobe.Request, match uprobe.Match, inlined inlinedSites) *listed {
	f := match.Func
	l := &listed{
		Name: f.Name, Symbol: f.Symbol, Binary: match.Image.Name, Lang: f.Lang.String(),
		Addr: uint64(f.Addr), Size: f.Size,
	}
	if inlined == nil {
		return l
	}
	b := f.Binary
	l.File, l.Line = b.Line(f.Addr)
	params, err := b.Params(f)
	if err != nil && !errors.Is(err, elfsym.ErrNoDebugInfo) {
		l.Hazards = append(l.Hazards, err.Error())
	}
	for _, p := range params {
		lp := listedParam{Name: p.Name, Result: p.Result, Captured: p.Captured, Where: p.Loc.Describe(b.Arch())}
		if p.Type != nil {
			lp.Type = p.Type.Name
		}
		if p.Err != nil {
			lp.Error = p.Err.Error()
		}
		l.Params = append(l.Params, lp)
	}
	for _, site := range inlined[b][f.Name] {
		l.Inlined = append(l.Inlined, fmt.Sprintf("%s:%d in %s", site.File, site.Line, site.In))
	}
	probe, err := found.Inspect(req, match)
	if err != nil {
		l.Error = err.Error()
		return l
	}
	l.Entry = &listedSite{uint64(probe.Sites.Entry.Offset), probe.Sites.Entry.Cost.String()}
	l.Exit = probe.Exit.String()
	if probe.Exit == uprobe.ExitRet {
		for _, e := range probe.Sites.Exits {
			l.Exits = append(l.Exits, listedSite{uint64(e.Offset), e.Cost.String()})
		}
	}
	if probe.Exit == uprobe.ExitNone && probe.Sites.NoExit != nil {
		l.Hazards = append(l.Hazards, "counted, not timed: "+probe.Sites.NoExit.Error())
	}
	if why := match.Image.NoReturnProbe; why != "" && probe.Exit != uprobe.ExitReturn {
		l.Hazards = append(l.Hazards, "no return probe: "+why)
	}
	if probe.Sites.Recursive {
		l.Hazards = append(l.Hazards, "calls itself")
	}
	l.Hazards = append(l.Hazards, probe.Sites.Warnings...)
	return l
}

// writeListed prints a function for a person.
func writeListed(w io.Writer, l *listed) {
	esc := report.Escape
	fmt.Fprintf(w, "%s\n", esc(l.Name))
	fmt.Fprintf(w, "    %s, %d bytes at %#x in %s\n", l.Lang, l.Size, l.Addr, esc(l.Binary))
	if l.File != "" {
		fmt.Fprintf(w, "    source  %s:%d\n", esc(l.File), l.Line)
	}
	if l.Symbol != l.Name {
		fmt.Fprintf(w, "    symbol  %s\n", esc(l.Symbol))
	}
	for _, p := range l.Params {
		kind, where := "param", p.Where
		switch {
		case p.Result:
			kind = "result"
		case p.Captured:
			kind = "captured"
		}
		if p.Error != "" {
			where = "not readable: " + p.Error
		}
		fmt.Fprintf(w, "    %-8s  %-16s %-24s %s\n", kind, esc(p.Name), esc(p.Type), esc(where))
	}
	if l.Error != "" {
		fmt.Fprintf(w, "    cannot be measured: %s\n", esc(l.Error))
	}
	if l.Entry != nil {
		fmt.Fprintf(w, "    entry   offset %#x, %s\n", l.Entry.Offset, l.Entry.Cost)
		fmt.Fprintf(w, "    exit    %s%s\n", l.Exit, exitOffsets(l.Exits))
	}
	for _, h := range l.Hazards {
		fmt.Fprintf(w, "    note    %s\n", esc(h))
	}
	if n := len(l.Inlined); n > 0 {
		shown := l.Inlined[:min(n, 5)]
		fmt.Fprintf(w, "    inlined at %d places that are not measured: %s\n", n, esc(strings.Join(shown, ", ")))
	}
}

func exitOffsets(sites []listedSite) string {
	if len(sites) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, " at %d places:", len(sites))
	for i, s := range sites {
		if i == 8 {
			fmt.Fprintf(&b, " and %d more", len(sites)-i)
			break
		}
		fmt.Fprintf(&b, " %#x", s.Offset)
	}
	return b.String()
}
