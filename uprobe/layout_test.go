package uprobe

import (
	"testing"
	"unsafe"

	"github.com/latchprof/latch/bpf"
	"github.com/latchprof/latch/fetch"
)

// The fetch programs write into a struct that package fetch does not import.
func TestFetchWritesWhereTheKeyIs(t *testing.T) {
	if fetch.KeyStatusOffset != bpf.CallHeader+bpf.KeyStatus {
		t.Errorf("fetch writes the status at %d, it is at %d", fetch.KeyStatusOffset, bpf.CallHeader+bpf.KeyStatus)
	}
	if fetch.KeyDataOffset != bpf.CallHeader+bpf.KeyHeader {
		t.Errorf("fetch writes the data at %d, it is at %d", fetch.KeyDataOffset, bpf.CallHeader+bpf.KeyHeader)
	}
	var call bpf.CallCall
	if fetch.GoidOffset != unsafe.Offsetof(call.Goid) {
		t.Errorf("fetch reads the goroutine at %d, it is at %d", fetch.GoidOffset, unsafe.Offsetof(call.Goid))
	}
	if fetch.Rejected != bpf.CallVerdictVERDICT_REJECTED || fetch.Wanted != bpf.CallVerdictVERDICT_WANTED || fetch.Undecided != bpf.CallVerdictVERDICT_UNDECIDED {
		t.Error("fetch and the eBPF side number verdicts differently")
	}
	if fetch.MaxKey != bpf.KeyDataMax {
		t.Errorf("fetch writes up to %d bytes, there is room for %d", fetch.MaxKey, bpf.KeyDataMax)
	}
}
