package kernel

import (
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// A notFoundError says that the kernel has nothing of a name. It is
// elfsym.ErrNotFound in the words of the kernel.
type notFoundError struct{ text string }

func (e *notFoundError) Error() string { return e.text }

// Is reports whether target is elfsym.ErrNotFound.
func (e *notFoundError) Is(target error) bool { return target == elfsym.ErrNotFound }

// listNear is the end of a message about a name that does not exist: those that
// resemble it.
func listNear(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; near it: " + strings.Join(near, ", ")
}
