package elfsym

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Unwinds tells why an exception, a panic or a cancelled thread can run
// through frames of this image, or be started by it: such an unwinder aborts
// the process when it meets the return address that a uretprobe planted. It
// also tells of changes of stacks: the kernel keeps a thread's return probes
// as one stack, and kills a process that returns in another order. why is ""
// when nothing in the image says so.
func (b *Binary) Unwinds() (why string, err error) { return b.unwinds() }

// systemLibs are glibc's and musl's own libraries. They call no user code
// that throws but qsort's and its like, and every process has them.
var systemLibs = map[string]bool{"libc": true, "libm": true, "libpthread": true, "libdl": true, "librt": true,
	"libresolv": true, "libutil": true, "libanl": true, "libnsl": true, "ld-linux-x86-64": true,
	"ld-linux-aarch64": true, "ld-musl-x86_64": true, "ld-musl-aarch64": true, "libc.musl-x86_64": true,
	"libc.musl-aarch64": true}

// unwindLibs raise or carry exceptions.
var unwindLibs = []string{"libstdc++", "libgcc_s", "libc++", "libc++abi", "libunwind"}

func (b *Binary) readUnwinds() (string, error) {
	needed, soname, err := b.dynamicNames()
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.Name(), err)
	}
	if soname == "" {
		soname = path.Base(b.Name())
	}
	if systemLibs[libStem(soname)] {
		return "", nil
	}
	for _, lib := range append(needed, soname) {
		for _, u := range unwindLibs {
			if libStem(lib) == u {
				return "uses " + lib, nil
			}
		}
	}
	why := ""
	err = walkSymbols(b.image(), elf.SHT_DYNSYM, func(s rawSymbol) {
		if w := unwindCall(stripVersion(s.name)); w != "" && why == "" {
			why = w
		}
	})
	if err != nil || why != "" {
		return why, err
	}
	name, err := b.personality()
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.Name(), err)
	}
	if name != "" {
		return name, nil
	}
	return b.stackSwitch()
}

// unwindCall says what a symbol that the image imports (or exports, when the
// runtime is linked in) means.
func unwindCall(name string) string {
	switch {
	case strings.HasPrefix(name, "_Unwind_"), name == "__cxa_throw", name == "__cxa_rethrow":
		return "calls " + name
	case name == "pthread_exit", name == "pthread_cancel":
		return "calls " + name
	case name == "swapcontext", name == "setcontext", name == "makecontext", name == "sigaltstack":
		return "changes stacks by " + name
	case name == "dlopen", name == "dlmopen", name == "dlsym":
		return "loads code by " + name
	}
	return ""
}

// libStem returns a library's name without directory, version and suffix.
func libStem(name string) string {
	name = path.Base(name)
	if i := strings.Index(name, ".so"); i > 0 {
		name = name[:i]
	}
	// libc-2.31 is the file behind libc.so.6 before glibc 2.34.
	if i := strings.Index(name, "-2."); i > 0 {
		name = name[:i]
	}
	return name
}

// dynamicNames returns DT_NEEDED and DT_SONAME.
func (b *Binary) dynamicNames() (needed []string, soname string, err error) {
	im := b.image()
	s := im.section(elf.SHT_DYNAMIC)
	if s == nil || s.Type == elf.SHT_NOBITS || s.FileSize == 0 {
		return nil, "", nil
	}
	data, err := im.data(s, maxDynamic)
	if err != nil {
		return nil, "", err
	}
	if s.Link == 0 || int(s.Link) >= len(im.elf.Sections) {
		return nil, "", fmt.Errorf("%w: section %s names section %d for its strings", ErrMalformed, s.Name, s.Link)
	}
	strtab, err := im.data(im.elf.Sections[s.Link], maxStrtab)
	if err != nil {
		return nil, "", err
	}
	le := binary.LittleEndian
	names := newCStrings(text(strtab), len(data)/16)
	for ; len(data) >= 16; data = data[16:] {
		tag := elf.DynTag(le.Uint64(data))
		if tag == elf.DT_NULL {
			break
		}
		if tag != elf.DT_NEEDED && tag != elf.DT_SONAME {
			continue
		}
		name, ok := names.at(le.Uint64(data[8:]))
		if !ok {
			return nil, "", fmt.Errorf("%w: %v without a name", ErrMalformed, tag)
		}
		if tag == elf.DT_SONAME {
			soname = name
		} else {
			needed = append(needed, name)
		}
	}
	return needed, soname, nil
}

// personality returns "has exception handlers" if a frame of the image names
// a personality routine in .eh_frame.
func (b *Binary) personality() (string, error) {
	s := b.elf.Section(".eh_frame")
	if s == nil || s.Type == elf.SHT_NOBITS || s.FileSize == 0 {
		return "", nil
	}
	data, err := b.image().data(s, maxEHFrame)
	if err != nil {
		return "", err
	}
	found, err := hasPersonality(data)
	if err != nil {
		return "", err
	}
	if found {
		return "has exception handlers", nil
	}
	return "", nil
}

var errEHFrame = errors.New("an entry of .eh_frame lies outside of it")

// hasPersonality walks .eh_frame (LSB Core, "Exception Frames") for a CIE
// whose augmentation has a P.
func hasPersonality(data []byte) (bool, error) {
	le := binary.LittleEndian
	for len(data) >= 4 {
		n, head := uint64(le.Uint32(data)), 4
		if n == 0 {
			// The end mark of crtend.o; ld -r may leave more behind it.
			data = data[4:]
			continue
		}
		if n == 0xffffffff {
			if len(data) < 12 {
				return false, fmt.Errorf("%w: %w", ErrMalformed, errEHFrame)
			}
			n, head = le.Uint64(data[4:]), 12
		}
		if n > uint64(len(data)-head) {
			return false, fmt.Errorf("%w: %w", ErrMalformed, errEHFrame)
		}
		entry := data[head : head+int(n)]
		data = data[head+int(n):]
		// A CIE has id 0, then its version, then the augmentation string.
		if len(entry) < 6 || le.Uint32(entry) != 0 {
			continue
		}
		for _, c := range entry[5:] {
			if c == 'P' {
				return true, nil
			}
			if c == 0 {
				break
			}
		}
	}
	return false, nil
}
