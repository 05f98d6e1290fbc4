// Package probe plans, attaches, enables, reads and removes probes of system
// calls, by the tracepoints that every one passes.
//
// It is to the kernel's side what package uprobe is to the functions of programs:
// a [Plan] is data, [Attach] puts its probes in, still disabled, and returns a
// [Session]. Where user functions are measured beside them, system calls are their
// children: what they take counts as spent in others, and the call that made them
// is a part of their keys.
package probe
