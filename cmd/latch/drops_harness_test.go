package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchprof/latch/internal/netlab"
)

// A toldDrop is a line of latch drops --json.
type toldDrop struct {
	Src, Dst             string
	Sport, Dport         int
	Proto, Kind, Reason  string
	Location, Caller     string
	Hook, Cause, Words   string
	Rule                 string
	RuleText             string `json:"rule_text"`
	RuleConfidence       string `json:"rule_confidence"`
	NetNS, IfName        string
	PID                  int
	Comm, Container      string
	Call, Told, Remark   string
	Count                int
	Quiet                bool
	Check, Remedy, Where string
}

// dropKeys are those that every line has, as house rules have them.
var dropKeys = []string{"time", "src", "dst", "sport", "dport", "proto", "reason", "location", "hook", "cause", "rule", "rule_confidence", "netns",
	"ifname", "pid", "comm", "during", "stack", "count"}

// drops decodes what latch drops --json printed: each line by itself.
func (l *tool) drops() []toldDrop {
	l.t.Helper()
	var out []toldDrop
	for lines := bufio.NewScanner(strings.NewReader(l.stdout.String())); lines.Scan(); {
		var d toldDrop
		var keys map[string]any
		for _, into := range []any{&d, &keys} {
			if err := json.Unmarshal(lines.Bytes(), into); err != nil {
				l.t.Fatalf("%v in %s", err, lines.Text())
			}
		}
		for _, key := range dropKeys {
			if _, ok := keys[key]; !ok {
				l.t.Errorf("no %q in %s", key, lines.Text())
			}
		}
		if d.Count < 1 {
			l.t.Errorf("nothing was dropped in %s", lines.Text())
		}
		out = append(out, d)
	}
	return out
}

// inLab are the flags that leave all other namespaces out.
func inLab(lab *netlab.Lab) []string {
	return []string{"--netns", lab.A.Name, "--netns", lab.R.Name, "--netns", fmt.Sprint(lab.B.Inode)}
}

// watchLab runs latch drops over what a lab does, and interrupts it.
func watchLab(t testing.TB, lab *netlab.Lab, traffic func(), args ...string) *tool {
	t.Helper()
	l := startLatch(t, slices.Concat([]string{"drops"}, inLab(lab), args)...)
	l.waitAttached()
	traffic()
	l.interrupt()
	return l
}

// told is watchLab for JSON, without what all networks drop.
func told(t testing.TB, lab *netlab.Lab, traffic func(), args ...string) ([]toldDrop, *tool) {
	t.Helper()
	l := watchLab(t, lab, traffic, append(args, "--json")...)
	if code := l.wait(); code != 0 {
		t.Fatalf("latch %q ended with %d\n%s", l.cmd.Args[1:], code, l.said())
	}
	return slices.DeleteFunc(l.drops(), func(d toldDrop) bool { return d.Kind == "multicast report" }), l
}

// sum adds up lines that differ in nothing but their counts: "3 icmp echo
// 10.0.0.1 > 10.0.0.2 firewall".
func sum(drops []toldDrop, text func(d *toldDrop) string) map[string]int {
	out := make(map[string]int)
	for i := range drops {
		out[text(&drops[i])] += drops[i].Count
	}
	return out
}
