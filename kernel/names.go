package kernel

import (
	"strings"

	"github.com/latchprof/latch/elfsym"
)

// nearest is the end of a message about a name that does not exist: those that
// resemble it.
func nearest(name string, names []string) string {
	return listNear(elfsym.Nearest(name, names))
}

func listNear(near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; near it: " + strings.Join(near, ", ")
}
