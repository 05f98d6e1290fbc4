package report

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strconv"
	"time"
)

// A Drop is one line of a report of dropped packets: a number of packets that
// one cause took from one flow. Its JSON is the drops event of --json; what has
// omitempty is left out where it is not known.
type Drop struct {
	Time  time.Time `json:"time"` // of the first of them
	Src   string    `json:"src"`  // addresses, "" where the packet has none
	Dst   string    `json:"dst"`
	Sport uint16    `json:"sport"`
	Dport uint16    `json:"dport"`
	// Proto is the protocol's name, such as "tcp", "icmp6" or "arp".
	Proto string `json:"proto"`
	// Reason and Location are the kernel's own.
	Reason   string `json:"reason"`
	Location string `json:"location"`
	Hook     string `json:"hook"`
	Cause    string `json:"cause"` // the class
	// Rule names the firewall's rule, RuleConfidence says how sure that is.
	Rule           string   `json:"rule"`
	RuleConfidence string   `json:"rule_confidence"`
	NetNS          string   `json:"netns"`
	IfName         string   `json:"ifname"`
	PID            int      `json:"pid"` // of the owner, 0 where none is known
	Comm           string   `json:"comm"`
	During         *During  `json:"during"`
	Stack          []string `json:"stack"`
	Count          uint64   `json:"count"`

	Words  string `json:"words,omitempty"` // the cause in one clause
	Where  string `json:"where,omitempty"`
	Kind   string `json:"kind,omitempty"` // of message: "SYN", "echo"
	Len    int    `json:"len,omitempty"`  // bytes
	Caller string `json:"caller,omitempty"`
	// RuleText is the rule as the firewall's own tool writes it.
	RuleText  string `json:"rule_text,omitempty"`
	Check     string `json:"check,omitempty"`
	Remedy    string `json:"remedy,omitempty"`
	TID       int    `json:"tid,omitempty"`
	UID       *int   `json:"uid,omitempty"` // nil where it is not known
	Exe       string `json:"exe,omitempty"`
	Cgroup    string `json:"cgroup,omitempty"`
	Container string `json:"container,omitempty"`
	Socket    uint64 `json:"socket,omitempty"` // inode number
	// Call is the system call that failed, where there was no packet yet.
	Call string `json:"call,omitempty"`
	// Told is what the sender was told, such as "ICMP port unreachable".
	Told string `json:"told,omitempty"`
	// Remark is what a reader could take wrongly, in one sentence.
	Remark string `json:"remark,omitempty"`
	// EtherType is that of the packet, for a file of packets.
	EtherType uint16      `json:"ethertype,omitempty"`
	Last      time.Time   `json:"last,omitzero"`
	Times     []time.Time `json:"times,omitempty"` // of the first few
	// Folded is how many further drops Fold has put into this one. They are
	// lines of their own in JSON.
	Folded int `json:"-"`
	// Quiet says that it is a routine free, shown because it was asked for.
	Quiet bool `json:"quiet,omitempty"`
}

// Fold makes one line of d and another drop of the same cause. What differs is
// no longer said.
func (d *Drop) Fold(other *Drop) {
	d.Folded++
	d.Count += other.Count
	if other.Time.Before(d.Time) {
		d.Time = other.Time
	}
	if other.Last.After(d.Last) {
		d.Last = other.Last
	}
	d.Times = nil
	same(&d.Src, other.Src)
	same(&d.Dst, other.Dst)
	same(&d.Sport, other.Sport)
	same(&d.Dport, other.Dport)
	same(&d.Kind, other.Kind)
	same(&d.IfName, other.IfName)
	same(&d.Len, other.Len)
	same(&d.Check, other.Check)
	same(&d.Remedy, other.Remedy)
	same(&d.Socket, other.Socket)
	same(&d.RuleText, other.RuleText)
	same(&d.RuleConfidence, other.RuleConfidence)
	same(&d.Told, other.Told)
	same(&d.Remark, other.Remark)
	if d.PID != other.PID {
		d.PID, d.TID, d.Comm, d.UID, d.Exe, d.Cgroup, d.Container = 0, 0, "", nil, "", "", ""
	}
}

// same makes a value zero where another one differs.
func same[T comparable](value *T, other T) {
	if *value != other {
		*value = *new(T)
	}
}

const jsonTime = "2006-01-02T15:04:05.000000000Z"

// encodeDrop writes a drop as one line of JSON.
func encodeDrop(out *bytes.Buffer, d *Drop) error {
	line := struct {
		Time string `json:"time"`
		*Drop
		Stack []string `json:"stack"` // not null
		Last  string   `json:"last,omitempty"`
		Times []string `json:"times,omitempty"`
	}{Time: d.Time.UTC().Format(jsonTime), Drop: d, Stack: append([]string{}, d.Stack...)}
	if !d.Last.IsZero() {
		line.Last = d.Last.UTC().Format(jsonTime)
	}
	for _, at := range d.Times {
		line.Times = append(line.Times, at.UTC().Format(jsonTime))
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(line)
}

// flow is "SRC → DST PROTO KIND", with ports where there are any.
func (d *Drop) flow() string {
	text := endpoint(d.Src, d.Sport) + " → " + endpoint(d.Dst, d.Dport)
	switch {
	case d.Src == "" && d.Dst == "" && d.Folded > 0:
		text = "many addresses"
	case d.Src == "" && d.Dst == "":
		text = "no addresses"
	}
	for _, word := range []string{d.Proto, d.Kind} {
		if word != "" {
			text += " " + Escape(word)
		}
	}
	if d.Folded > 0 {
		text += " +" + formatCount(uint64(d.Folded+1)) + " more flows"
	}
	return text
}

func endpoint(addr string, port uint16) string {
	switch a, err := netip.ParseAddr(addr); {
	case addr == "":
		return "?"
	case port == 0:
		return Escape(addr)
	case err == nil && a.Is6():
		return "[" + Escape(addr) + "]:" + strconv.Itoa(int(port))
	default:
		return Escape(addr) + ":" + strconv.Itoa(int(port))
	}
}

// because is the cause in words, and the rule where one is known.
func (d *Drop) because() string {
	text := Escape(d.Words)
	if text == "" {
		text = Escape(d.Cause)
	}
	if d.Rule != "" {
		text += ": " + Escape(d.Rule)
	}
	return text
}
