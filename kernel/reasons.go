package kernel

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// DropReasons are this kernel's names of why packets are dropped. The numbers
// differ from kernel to kernel, and are never taken from a table.
type DropReasons map[uint32]string

// reasonEnums are the enumerations of reasons, the kernel's own first; the
// others have their subsystem in the upper 16 bits (include/net/dropreason.h)
// and may be types of a module.
var reasonEnums = []struct{ enum, module, prefix string }{
	{"skb_drop_reason", "", "SKB_DROP_REASON_"},
	{"qdisc_drop_reason", "", "QDISC_DROP_"},
	{"mac80211_drop_reason", "mac80211", ""},
	{"ovs_drop_reason", "openvswitch", "OVS_"},
}

// LoadDropReasons reads the reasons' names from the kernel's BTF. It is empty
// where the kernel knows none, before 5.17.
func LoadDropReasons() (DropReasons, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read kernel types: %w", err)
	}
	reasons := make(DropReasons)
	for _, e := range reasonEnums {
		from := spec
		var enum *btf.Enum
		err := from.TypeByName(e.enum, &enum)
		if errors.Is(err, btf.ErrNotFound) && e.module != "" {
			if from, err = btf.LoadKernelModuleSpec(e.module); errors.Is(err, os.ErrNotExist) {
				continue // the module is not loaded
			} else if err == nil {
				err = from.TypeByName(e.enum, &enum)
			}
		}
		if errors.Is(err, btf.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read drop reasons of enum %s: %w", e.enum, err)
		}
		for _, v := range enum.Values {
			number := uint32(v.Value)
			if _, ok := reasons[number]; !ok {
				reasons[number] = strings.TrimPrefix(v.Name, e.prefix)
			}
		}
	}
	return reasons, nil
}

// Name returns a reason's name without its prefix, or its number where it has
// none.
func (r DropReasons) Name(reason uint32) string {
	if name, ok := r[reason]; ok {
		return name
	}
	return strconv.FormatUint(uint64(reason), 10)
}

// TracepointArity returns how many arguments the raw tracepoint called name
// has in this kernel.
func TracepointArity(name string) (int, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return 0, fmt.Errorf("read kernel types: %w", err)
	}
	var def *btf.Typedef
	if err := spec.TypeByName(btfTracepoint+name, &def); err != nil {
		return 0, fmt.Errorf("find tracepoint %s: %w", name, err)
	}
	proto, err := tracepointProto(def)
	if err != nil {
		return 0, err
	}
	return len(proto.Params) - 1, nil // the first is the probe's own data
}

// HasTracepoint says whether this kernel has the raw tracepoint called name.
func HasTracepoint(name string) (bool, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return false, fmt.Errorf("read kernel types: %w", err)
	}
	_, err = spec.AnyTypeByName(btfTracepoint + name)
	if err != nil && !errors.Is(err, btf.ErrNotFound) {
		return false, fmt.Errorf("find tracepoint %s: %w", name, err)
	}
	return err == nil, nil
}

// Numbers returns the numbers of the reasons for which want is true of the
// name.
func (r DropReasons) Numbers(want func(name string) bool) []uint32 {
	var out []uint32
	for number, name := range r {
		if want(name) {
			out = append(out, number)
		}
	}
	return out
}
