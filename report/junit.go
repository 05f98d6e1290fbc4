package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/latchprof/latch/budget"
	"github.com/latchprof/latch/latency"
)

// maxSystemOut is the most bytes of a JUnit suite's system-out.
const maxSystemOut = 1 << 20

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Package    string          `xml:"package,attr"`
	ID         int             `xml:"id,attr"`
	Name       string          `xml:"name,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Hostname   string          `xml:"hostname,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	SystemOut  string          `xml:"system-out"`
	SystemErr  string          `xml:"system-err"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Time    string       `xml:"time,attr"`
	Failure *junitResult `xml:"failure"`
	Error   *junitResult `xml:"error"`
	Skipped *junitResult `xml:"skipped"`
}

type junitResult struct {
	Type    string `xml:"type,attr,omitempty"` // not of Skipped
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes c as JUnit's XML: a suite for the budget file with a test case
// for each verdict. One that fails the check is a failure, or an error where
// there was nothing to judge; one that only warns is skipped. An incomplete
// measurement is an error of its own. The document keeps both the schema of
// Ant's reports and that of Jenkins' xUnit plugin.
func JUnit(w io.Writer, c *Check) error {
	suite := junitSuite{
		Package: "latch", Name: "latch check", Timestamp: time.Time{}.Format(junitTime), Hostname: "localhost", Time: "0",
		Properties: []junitProperty{{"outcome", string(c.Outcome())}},
	}
	if c.Source != "" {
		suite.Name = Escape(c.Source)
	}
	var duration int64
	for i, rec := range c.recordings() {
		if i == 0 {
			suite.Timestamp = rec.Start.UTC().Format(junitTime)
			suite.Properties = append(suite.Properties, properties(rec)...)
		}
		duration += rec.DurationNS
	}
	suite.Time = strconv.FormatFloat(float64(duration)/1e9, 'f', 3, 64)
	for _, warning := range c.warnings() {
		suite.SystemErr += "warning: " + cutBytes(warning, maxText) + "\n"
	}
	for i := range c.Verdicts {
		suite.add(newJUnitCase(c, &c.Verdicts[i]))
	}
	if c.Incomplete != "" {
		text := cutBytes(c.Incomplete, maxText)
		suite.add(junitCase{Class: "latch", Name: "measurement", Time: "0", Error: &junitResult{string(Incomplete), text, text}})
	}
	out := &limitedBuilder{left: maxSystemOut}
	if err := CheckText(out, c, nil); err != nil {
		return err
	}
	suite.SystemOut = out.String()
	return writeXML(w, junitSuites{Suite: suite})
}

// junitTime is the form of a time in Ant's schema, which has no zone.
const junitTime = "2006-01-02T15:04:05"

// properties are the circumstances of a recording.
func properties(rec *latency.Recording) []junitProperty {
	all := []junitProperty{{"latch", cutBytes(rec.Latch, maxText)}, {"kernel", cutBytes(rec.Kernel, maxText)}, {"machine", cutBytes(rec.Machine, maxText)}}
	if rec.Command != nil {
		all = append(all, junitProperty{"command", strings.TrimPrefix(commandLine(rec.Command), "command: ")})
	}
	return all
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func newJUnitCase(c *Check, v *budget.Verdict) junitCase {
	name := v.Expect.String()
	if key := keyOf(v); key != "" {
		name = cutBytes(key, maxText) + " " + name
	}
	out := junitCase{Class: strings.TrimSpace(cutBytes(v.Func, maxText)), Name: name, Time: "0"}
	if v.Action == budget.ActPass {
		return out
	}
	result := &junitResult{v.State.String(), c.sentence(v), verdictDetails(c, v)}
	switch {
	case v.Action == budget.ActWarn:
		result.Type = ""
		out.Skipped = result
	case v.State == budget.Missing:
		out.Error = result
	default:
		out.Failure = result
	}
	return out
}

// verdictDetails are lines with all that is known of a verdict.
func verdictDetails(c *Check, v *budget.Verdict) string {
	lines := []string{c.sentence(v), "budget: " + cutBytes(v.Budget, maxText)}
	if f := c.function(v.Func); f != nil && f.File != "" {
		lines = append(lines, fmt.Sprintf("source: %s:%d", cutBytes(f.File, maxText), f.Line))
	}
	return strings.Join(append(lines, notes(v)...), "\n")
}

func writeXML(w io.Writer, doc any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write XML: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("write XML: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write XML: %w", err)
	}
	return nil
}

// A limitedBuilder keeps the first lines of what is written to it, and says how
// many bytes it does not hold.
type limitedBuilder struct {
	text strings.Builder
	left int
	lost int
}

func (b *limitedBuilder) Write(data []byte) (int, error) {
	keep := len(data)
	if keep > b.left || b.lost > 0 {
		keep = strings.LastIndexByte(string(data[:min(b.left, keep)]), '\n') + 1
		if b.lost > 0 {
			keep = 0
		}
		b.lost += len(data) - keep
	}
	b.text.Write(data[:keep])
	b.left -= keep
	return len(data), nil
}

func (b *limitedBuilder) String() string {
	if b.lost > 0 {
		return b.text.String() + fmt.Sprintf("… %s more bytes\n", formatCount(uint64(b.lost)))
	}
	return b.text.String()
}
