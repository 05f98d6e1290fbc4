package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrNoTracefs says that tracefs, which tells the groups and the records of
// tracepoints, is nowhere to be found.
var ErrNoTracefs = errors.New("tracefs is not mounted, and cannot be: mount -t tracefs tracefs /sys/kernel/tracing")

// tracefsMounts are where it is mounted, the second one before Linux 4.1
// alone.
var tracefsMounts = []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}

// detachedTracefs is a mount of tracefs that no directory shows and that ends with
// the process: fsopen(2), from Linux 5.2 on, with CAP_SYS_ADMIN. It returns a path
// that leads there for this process alone.
var detachedTracefs = sync.OnceValues(func() (string, error) {
	context, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return "", err
	}
	mount, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("/proc/self/fd/%d", mount), nil // never closed: it is one for all
})

// tracefsEvents is the directory of the events of tracefs.
func tracefsEvents() (string, error) {
	for _, dir := range tracefsMounts {
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) == nil && int64(st.Type) == unix.TRACEFS_MAGIC {
			return filepath.Join(dir, "events"), nil
		}
	}
	dir, err := detachedTracefs()
	if err != nil {
		return "", fmt.Errorf("%w (%w)", ErrNoTracefs, err)
	}
	return filepath.Join(dir, "events"), nil
}

// format is an event's record, as tracefs describes it.
type format struct {
	id     int
	fields []formatField
}

type formatField struct {
	declaration
	offset, size int64
	signed       bool
	// located says that the word says where in the record the data is:
	// relative to the record, or, with behind, to the end of the word itself.
	located, behind bool
}

var (
	formatID    = regexp.MustCompile(`(?m)^ID: (\d+)$`)
	formatLine  = regexp.MustCompile(`(?m)^\tfield:([^;]+);\s*offset:(\d+);\s*size:(\d+);\s*signed:(\d+);`)
	commonField = "common_"
)

// readFormat reads the format of an event, GROUP/NAME.
func readFormat(event string) (*format, error) {
	events, err := tracefsEvents()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(events, event, "format"))
	if err != nil {
		return nil, fmt.Errorf("read the format of event %s: %w", event, err)
	}
	return parseFormat(string(text))
}

// parseFormat reads what the kernel's trace_events.c writes: f_show.
func parseFormat(text string) (*format, error) {
	f := &format{}
	m := formatID.FindStringSubmatch(text)
	if m == nil {
		return nil, errors.New("read an event's format: it has no ID")
	}
	f.id, _ = strconv.Atoi(m[1]) // digits
	for _, m := range formatLine.FindAllStringSubmatch(text, -1) {
		field := formatField{declaration: parseDeclaration(m[1]), signed: m[4] == "1"}
		field.offset, _ = strconv.ParseInt(m[2], 10, 64)
		field.size, _ = strconv.ParseInt(m[3], 10, 64)
		field.behind = strings.HasPrefix(m[1], "__rel_loc")
		field.located = field.behind || strings.HasPrefix(m[1], "__data_loc")
		if !strings.HasPrefix(field.Name, commonField) {
			f.fields = append(f.fields, field)
		}
	}
	return f, nil
}
