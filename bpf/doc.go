// Package bpf holds the eBPF programs and the Go bindings that bpf2go makes
// from them. The objects are committed, so building latch needs no clang.
package bpf

//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type func -type counters -type call_id -type stack_id -type call_key -type call -type event -type hist -type func_flags -type loss -type call_mode -type key_status -type verdict -type go_layout Call call.bpf.c
//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type drop_key -type drop_count -type drop_event -type drop_totals -type drop_bucket -type drop_kinds -type sock_file -type from_socket Drop drop.bpf.c
//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" Bracket bracket.bpf.c
//go:generate go tool bpf2go -go-package bpf -output-suffix _test -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type sighting Callers callers.bpf.c
//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type failure -type fail_call -type fail_flags Netfail netfail.bpf.c
//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type attempt -type attempt_flags -type unlink_op -type dir_flags Unlink unlink.bpf.c
//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type route -type made_in -type system_call Sys sys.bpf.c
//go:generate go tool bpf2go -go-package bpf -tags linux -target amd64,arm64 -cc clang -cflags "-O2 -g -Wall -Werror -mcpu=v3 -I/usr/include/x86_64-linux-gnu" -type passing Event event.bpf.c

// Numbers of layout.h that BTF does not carry; a test compares them with the
// generated types.
const (
	// NumBounds is the length of the table of slot bounds.
	NumBounds = 640
	// CallHeader is the offset of the key in struct call, which is cut behind
	// it to the length in use.
	CallHeader = 96
	// KeyDropped, KeyStatus and KeyHeader are the offsets of the flag for
	// dropped packets, of the status word and of the data in struct call_key.
	KeyDropped = 4
	KeyStatus  = 8
	KeyHeader  = 16
	// MadeIn is the length of what stands in front of the key of the user call
	// that a system call was made in: struct made_in.
	MadeIn = 16
	// EventHeader is the offset of the key in struct event.
	EventHeader = 56
	// MaxFrames is how many return addresses an event can have.
	MaxFrames = 64
	// FramesCut stands beside their number where there are, or may be, more.
	FramesCut = 1 << 32
	// BracketTags bounds a bracket's tag (bracket.bpf.h).
	BracketTags = 1024
	// KeyDataMax is the most data a key can have, in bytes.
	KeyDataMax = 4096
)
