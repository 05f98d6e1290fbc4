package procfs

import "testing"

func TestMachine(t *testing.T) {
	for _, c := range []struct{ label, cpuinfo, want string }{
		{"two", "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2 GHz\n", "2 x Some CPU @ 2 GHz"},
		{"none", "", ""},
		{"junk", "\x00\xff", ""},
	} {
		if got := fixture(t, map[string]string{"cpuinfo": c.cpuinfo}).Machine(); got != c.want {
			t.Errorf("%s: %q, not %q", c.label, got, c.want)
		}
	}
	if Machine() == "" {
		t.Error("this machine has no name")
	}
}
