package firewall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/latchprof/latch/kernel"
)

// toolTime bounds one run of a tool; a large ruleset takes nft some seconds.
const toolTime = 20 * time.Second

// A snapshot is a namespace's ruleset at one time.
type snapshot struct {
	ruleset
	// print is a hash of all but the counters.
	print uint64
	notes []note
}

// A note says in a sentence what could not be read as it should.
type note struct {
	text string
	// legacy says that it is about iptables of that kind, else about nft.
	legacy bool
	// unread says that rules are missing.
	unread bool
}

// read takes a snapshot. It changes nothing: iptables-save without -t reads
// only the tables that the namespace has already (/proc/net/ip_tables_names),
// and asks for no module.
func read(ns kernel.NetNS) (*snapshot, error) {
	s := new(snapshot)
	err := ns.Do(func() error {
		// One firewall that cannot be read does not hide the others.
		for _, firewall := range []string{"iptables", "ip6tables"} {
			if err := s.readLegacy(firewall); err != nil {
				s.notes = append(s.notes, note{err.Error(), true, true})
			}
		}
		if err := s.readNFT(); err != nil {
			s.notes = append(s.notes, note{err.Error(), false, true})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	for _, t := range s.tables {
		for _, c := range t.chains {
			fmt.Fprintln(h, t.firewall, t.family, t.name, c.name, c.hook, c.prio, c.policy)
			for _, r := range c.rules {
				fmt.Fprintln(h, r.handle, bare(r.text), r.conds, r.arms)
			}
		}
	}
	s.print = h.Sum64()
	return s, nil
}

// readLegacy reads the tables of iptables or ip6tables, if there are any.
func (s *snapshot) readLegacy(firewall string) error {
	names := "/proc/thread-self/net/" + strings.TrimSuffix(firewall, "tables") + "_tables_names"
	if has, err := os.ReadFile(names); errors.Is(err, fs.ErrNotExist) || err == nil && len(has) == 0 {
		return nil
	}
	tool := legacyTool(firewall)
	if tool == "" {
		s.notes = append(s.notes, note{"this namespace has rules of legacy " + firewall +
			", but " + firewall + "-legacy-save is not installed (Debian package iptables)", true, true})
		return nil
	}
	out, err := run(tool+"-save", "-c")
	if err != nil {
		return err
	}
	tables, err := parseSave(out, firewall)
	for _, t := range tables {
		t.tool = tool
	}
	s.tables = append(s.tables, tables...)
	return err
}

// legacyTool is what iptables of the legacy kind is called here: where there
// is no other kind it has no suffix. "" if it is not installed.
func legacyTool(firewall string) string {
	if _, err := exec.LookPath(firewall + "-legacy-save"); err == nil {
		return firewall + "-legacy"
	}
	out, err := run(firewall+"-save", "--version")
	if err != nil || bytes.Contains(out, []byte("nf_tables")) {
		return ""
	}
	return firewall
}

// readNFT reads the tables of nftables, those of iptables-nft by its own tool
// too.
func (s *snapshot) readNFT() error {
	if _, err := exec.LookPath("nft"); err != nil {
		s.notes = append(s.notes, note{"nft is not installed (Debian package nftables): its rules are not known", false, true})
		return nil
	}
	out, err := run("nft", "-j", "-a", "list", "ruleset")
	if err != nil {
		return err
	}
	text, err := run("nft", "-a", "-t", "list", "ruleset")
	if err != nil {
		return err
	}
	r, err := parseNFT(out, text)
	if err != nil {
		return err
	}
	for _, firewall := range []string{"iptables", "ip6tables"} {
		if !r.mayBeIPTables(firewall) {
			continue
		}
		if _, err := exec.LookPath(firewall + "-nft-save"); err != nil {
			s.notes = append(s.notes, note{firewall + "-nft-save is not installed (Debian package iptables): its rules are read as nft shows them", false, false})
			continue
		}
		out, err := run(firewall+"-nft-save", "-c")
		if err != nil {
			continue // it refuses what it did not make
		}
		if tables, err := parseSave(out, firewall+"-nft"); err == nil {
			r.adopt(tables)
		}
	}
	s.tables = append(s.tables, r.tables...)
	return nil
}

// mayBeIPTables says whether there is a table that looks like one of
// iptables-nft.
func (r *nftReader) mayBeIPTables(firewall string) bool {
	for _, t := range r.tables {
		if t.family == strings.TrimSuffix(firewall, "tables") && r.likeIPTables(t) {
			return true
		}
	}
	return false
}

// likeIPTables says whether iptables-nft may own the table: its base chains
// are those of iptables and all its rules count.
func (r *nftReader) likeIPTables(t *table) bool {
	for _, c := range t.chains {
		prio, ok := builtinChain(t.name, c.name)
		if c.hook != "" && (!ok || c.hook != c.name || c.prio != prio) {
			return false
		}
		for _, rule := range c.rules {
			if !rule.counted && !r.xt[t] {
				return false
			}
		}
	}
	_, ok := builtin[t.name]
	return ok
}

// adopt replaces the tables that iptables-nft owns by what its own tool says
// of them, which knows its extensions; handles stay nft's.
func (r *nftReader) adopt(tables []*table) {
	for i, t := range r.tables {
		for _, saved := range tables {
			if saved.family != t.family || saved.name != t.name || !r.likeIPTables(t) {
				continue
			}
			if merged, ok := merge(t, saved); ok {
				r.tables[i] = merged
			}
		}
	}
}

// merge puts handles into the saved table. It is not ok where the two do not
// agree on the rules, as when they changed between the two readings.
func merge(t, saved *table) (*table, bool) {
	for _, c := range t.chains {
		s := saved.chain(c.name)
		if s == nil || len(s.rules) != len(c.rules) {
			return nil, false
		}
		for i, r := range c.rules {
			s.rules[i].handle = r.handle
		}
	}
	for _, s := range saved.chains {
		s.counted = false // the policies of nft count nothing
		if t.chain(s.name) == nil {
			s.hook = "" // iptables-save prints builtin chains that are not there
		}
	}
	return saved, true
}

// run runs a tool of the host in this thread's namespace.
func run(tool string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w: %s", tool, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
