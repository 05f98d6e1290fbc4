// Package unlink names who removes a file: who deletes it, replaces it by a
// rename, moves it away or truncates it.
//
// Its eBPF programs see system calls, and requests of io_uring, when they are
// over, so that an attempt which failed is never taken for a removal. What they
// tell is a choice by names; [Watcher] then decides by directories, wherever a
// path led: relative to a descriptor, through symbolic links, in another root.
// A watched path is looked up again whenever it may lead elsewhere, so that a
// file that is made anew is watched anew, and one that does not exist yet is
// waited for.
//
// A directory is watched with all that is below it in its own file system.
//
// A watched directory may be shown at other paths too, as in containers. Where the
// process and its mounts are gone, and the directory in which it removed something,
// the removal is counted as lost. Before Linux 6.13 the kernel does not say which
// directory that was, and what is removed by such a path can be missed.
//
// Not seen are truncations and opens through io_uring, and removals by other
// machines on a network file system or by the kernel itself, as for NFS clients.
// That a watched file went without being seen to go is reported, without a process.
package unlink
