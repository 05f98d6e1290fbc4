// Package budget judges a recording, or two, against budgets, with intervals
// and a verdict that may be inconclusive. It reads no file and asks no kernel:
// what it needs is latency.Recording, and the limits above which calls were
// counted exactly in it (latency.Series.Over).
//
// # From the command line to the exit code
//
//	budgets, err := budget.ParseFile(text)         // -f budget.yaml
//	b, err := budget.Parse(`p99(f, route=/api) < 5ms`) // --expect
//
// Before it measures, the caller takes from each budget what to attach to
// (Func), by which keys to record (Keys), and which limits to count in the
// kernel (LimitsNS): a call that took longer than LimitNS nanoseconds counts as
// above it. A limit that is not counted is judged by the buckets, as far as
// they tell, and may be inconclusive.
//
//	runs := budget.RunsOf(recording)               // or several, of --runs 5
//	runs := budget.Cut(after1s, after2s, after3s)  // or one run in slices
//	baseline, err := budget.LoadRuns(file)         // --baseline
//	warnings, err := budget.Unlike(baseline, runs)
//	verdicts := budget.Judge(runs, budgets, baseline)
//
// The check has failed if Broken(verdicts). Under --strict it is inconclusive
// if Unsure(verdicts). Runs.Encode writes what --save names, which LoadRuns
// reads, as it does any recording. Diff compares two sides without budgets.
//
// # What an interval means
//
// Each end of an interval is beyond the truth with a probability of at most
// 1 - Confidence, so that a budget that holds fails no more often.
//
// A quantile and a share (over20ms) are judged by how many calls were above the
// limit: the bound of Clopper and Pearson, which is exact for calls that do not
// depend on each other, whatever their latencies. Calls that come in bursts do
// depend on each other; then the interval is too narrow, and several runs tell
// more. Calls that were lost, are in flight, or have a key that was merged or
// could not be read count against a pass and against a failure, as if each were
// on the worse side.
//
// The greatest latency, and a share of 0 %, are of the calls that were recorded.
// The number of calls and the rate are exact; with several runs each has to keep
// the limit, and the interval is from the least to the greatest. For the mean of
// a single run there is no interval that holds for all latencies, so its own
// mean is judged; of several runs or slices it has one by Student's t. A lost
// call counts in it as at most the longest that was recorded.
//
// Limits relative to a baseline, and differences, go by the metric of each run:
// calls of one run depend on each other, so that they are never the unit.
// A change has to be beyond chance (Mann and Whitney, adjusted by Holm for all
// that is compared at once) and beyond the limit. With five runs of 10,000 calls
// a side, whose speeds differ by 4 %, and a limit of 5 %, no change fails in
// 1.3 % of the trials, and +15 % is found in 96 %. With fewer than four runs a
// side nothing can be told at 95 %.
package budget
