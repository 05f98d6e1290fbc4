// Package latency turns counters into histograms, quantiles, balances and
// comparisons. It knows nothing of ELF files, kernels or processes, so that
// saved recordings can be read and compared anywhere.
package latency

import "time"

// Schema names the version of the recording format.
const Schema = "latch.recording/v1"

// Keys that stand for values that are not there.
const (
	// KeyOther holds the calls whose key came after the limit on keys.
	KeyOther = "(other)"
	// KeyUnreadable stands for a value that could not be read.
	KeyUnreadable = "(unreadable)"
	// KeyNone stands for a value that does not exist, such as a nil string
	// pointer's text.
	KeyNone = "(none)"
)

// KeyDrops is the part of the key that tells calls in which packets were dropped
// from the others; no expression, and so no alias, has that name. Its values are
// WithDrops and WithoutDrops.
const (
	KeyDrops     = "@drops"
	WithDrops    = "with"
	WithoutDrops = "without"
)

// KeyIn is the part of a system call's key that names the measured user function
// which made it, KeyNone where none did; no expression has that name either. The
// other parts of its key that it does not have itself are those of that call.
const KeyIn = "@in"

// LangKernel is the Function.Lang of what the kernel does, and ExitTracepoint the
// Function.Exit of what ends at a tracepoint.
const (
	LangKernel     = "kernel"
	ExitTracepoint = "tracepoint"
)

// ExitNone is the Function.Exit of a function whose calls are counted, but
// not timed, because their ends cannot be caught.
const ExitNone = "none"

// A Recording is what one measurement found. It is the only thing that passes
// from measuring to reporting.
type Recording struct {
	Schema     string    `json:"schema"`
	Start      time.Time `json:"start"`
	DurationNS int64     `json:"duration_ns"`
	Kernel     string    `json:"kernel"`
	// Machine names the processor and how many there are, so that recordings
	// of unlike machines are not compared unawares; "" where not known.
	Machine   string     `json:"machine,omitempty"`
	Latch     string     `json:"latch"`
	Targets   []Target   `json:"targets"`
	Command   *Command   `json:"command,omitempty"`
	Functions []Function `json:"functions"`
	Overhead  Overhead   `json:"overhead"`
	Warnings  []string   `json:"warnings"`
	// SlicesNS says where the slices of the measurement end that Series.Slices
	// is about: in nanoseconds since Start, ascending, the last at the end of the
	// measurement; empty where it was not sliced.
	SlicesNS []int64 `json:"slices_ns,omitempty"`
}

// A Target is a process that was measured.
type Target struct {
	PID     int    `json:"pid"`
	Exe     string `json:"exe"`
	BuildID string `json:"build_id"`
}

// A Command is a program that latch itself started.
type Command struct {
	Argv []string `json:"argv"`
	// Exit is its exit status, 128 plus the signal if a signal ended it.
	Exit int `json:"exit"`
}

// A Function is what was found about one function.
type Function struct {
	Name    string `json:"name"`
	Symbol  string `json:"symbol"`
	Binary  string `json:"binary"` // path of the ELF file
	BuildID string `json:"build_id,omitempty"`
	Lang    string `json:"lang"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	// Addr is the function's address as the ELF file writes it, so that a
	// profile can place it in its mapping; 0 if not known.
	Addr    uint64   `json:"addr,omitempty"`
	Entry   Entry    `json:"entry"`
	Exit    string   `json:"exit"` // session, uretprobe, ret, fexit, kretprobe, ExitTracepoint, or ExitNone
	By      []string `json:"by"`   // names of the key's parts, in order
	Balance Balance  `json:"balance"`
	Series  []Series `json:"series"`
}

// An Entry is where calls were caught.
type Entry struct {
	Offset uint64 `json:"offset"` // in the file, in bytes
	Cost   string `json:"cost"`   // nop5, emulated, stepped, tracepoint
}

// A Balance accounts for every call: Entries = Returns + InFlight + Unwound +
// Filtered + the sum of Lost. Where exits cannot be caught (Function.Exit is
// "none"), an entry counts as its own return.
type Balance struct {
	Entries  uint64            `json:"entries"`
	Returns  uint64            `json:"returns"`
	InFlight uint64            `json:"in_flight"`
	Unwound  uint64            `json:"unwound"`
	Filtered uint64            `json:"filtered"`
	Lost     map[string]uint64 `json:"lost"`
}

// A Series is the latency of the calls with one key. Its count is its share
// of the function's returns. Where exits cannot be caught, the count is all
// there is.
type Series struct {
	// Key holds a text for each part of Function.By.
	Key   map[string]string `json:"key"`
	Count uint64            `json:"count"`
	SumNS uint64            `json:"sum_ns"`
	MinNS uint64            `json:"min_ns"`
	MaxNS uint64            `json:"max_ns"`
	// SelfNS is the part of SumNS not spent in other measured functions that
	// the calls made.
	SelfNS uint64 `json:"self_ns"`
	// LostNS is the part of SumNS that went to waits which dropped packets
	// caused; it is measured only where Function.By has KeyDrops.
	LostNS  uint64    `json:"lost_ns,omitempty"`
	P50NS   uint64    `json:"p50_ns"`
	P90NS   uint64    `json:"p90_ns"`
	P99NS   uint64    `json:"p99_ns"`
	P999NS  uint64    `json:"p999_ns"`
	Buckets Histogram `json:"buckets"`
	// Over has the limits above which calls were counted exactly, ascending;
	// empty where none was asked for.
	Over []Over `json:"over,omitempty"`
	// Slices are Buckets by slice of time, as many as Recording.SlicesNS has, and
	// add up to them; empty where not known.
	Slices []Histogram `json:"slices,omitempty"`
}

// Overhead is what measuring cost the targets.
type Overhead struct {
	// EntryNS and ExitNS are the calibrated costs of one entry and one exit
	// probe, weighted by the sites in use.
	EntryNS  float64 `json:"entry_ns"`
	ExitNS   float64 `json:"exit_ns"`
	Hits     uint64  `json:"hits"`
	CPUShare float64 `json:"cpu_share"` // of one CPU, 0.01 = 1 %
}
