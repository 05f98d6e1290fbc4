package procfs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestParseMapping(t *testing.T) {
	dev := unix.Mkdev(0xfe, 0)
	for _, tc := range []struct {
		line string
		want Mapping
	}{
		{"55629ab85000-55629ab8a000 r-xp 00002000 fe:00 247026                     /usr/bin/cat",
			Mapping{Lo: 0x55629ab85000, Hi: 0x55629ab8a000, Perms: "r-xp", Offset: 0x2000, Dev: dev, Inode: 247026, Path: "/usr/bin/cat"}},
		{"7f90000b1000-7f9000108000 rw-p 00000000 00:00 0 ",
			Mapping{Lo: 0x7f90000b1000, Hi: 0x7f9000108000, Perms: "rw-p"}},
		{"7f90000b1000-7f9000108000 rw-p 00000000 00:00 0",
			Mapping{Lo: 0x7f90000b1000, Hi: 0x7f9000108000, Perms: "rw-p"}},
		{"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
			Mapping{Lo: 0xffffffffff600000, Hi: 0xffffffffff601000, Perms: "--xp", Path: "[vsyscall]"}},
		{"1000-2000 r-xp 00000000 fe:00 7                          /tmp/a  b   c (deleted)",
			Mapping{Lo: 0x1000, Hi: 0x2000, Perms: "r-xp", Dev: dev, Inode: 7, Path: "/tmp/a  b   c", Deleted: true}},
		{`1000-2000 r-xp 00000000 fe:00 7                          /tmp/x\0121000-2000 r-xp 0 fe:00 8 /etc/shadow`,
			Mapping{Lo: 0x1000, Hi: 0x2000, Perms: "r-xp", Dev: dev, Inode: 7, Path: "/tmp/x\n1000-2000 r-xp 0 fe:00 8 /etc/shadow"}},
		{"1000-2000 r-xs 123456789a000 1ff:fffff 18446744073709551615 /memfd:\x1b]52;x (deleted)",
			Mapping{Lo: 0x1000, Hi: 0x2000, Perms: "r-xs", Offset: 0x123456789a000, Dev: unix.Mkdev(0x1ff, 0xfffff),
				Inode: 1<<64 - 1, Path: "/memfd:\x1b]52;x", Deleted: true}},
		{"1000-2000 rw-p 00000000 00:00 0   [anon:x (deleted)]",
			Mapping{Lo: 0x1000, Hi: 0x2000, Perms: "rw-p", Path: "[anon:x (deleted)]"}},
		{"1000-2000 r--p 00000000 fe:00 9 \xff\xfe", Mapping{Lo: 0x1000, Hi: 0x2000, Perms: "r--p", Dev: dev, Inode: 9, Path: "\xff\xfe"}},
	} {
		got, err := parseMapping(tc.line)
		if err != nil {
			t.Errorf("%q: %v", tc.line, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q:\n%s", tc.line, diff)
		}
	}
	for _, line := range []string{
		"", " ", "x", "1000-2000", "1000 r-xp 00000000 fe:00 7 /x", "1000-2000 r-x 00000000 fe:00 7 /x",
		"2000-1000 r-xp 00000000 fe:00 7 /x", "1000-2000 r-xp 00000000 fe00 7 /x", "1000-2000 r-xp 00000000 fe:00 x /x",
		"1000-2000 r-xp -1 fe:00 7 /x", "10000000000000000-2 r-xp 0 fe:00 7 /x", "1000-2000 r-xp 0 fffff:00 7 /x",
		"1000-2000  r-xp 0 fe:00 7 /x",
	} {
		if m, err := parseMapping(line); err == nil {
			t.Errorf("%q was taken for %+v", line, m)
		}
	}
}

func FuzzParseMaps(f *testing.F) {
	f.Add([]byte("1000-2000 r-xp 00000000 fe:00 7   /tmp/x (deleted)\n3000-4000 rw-p 00000000 00:00 0 \n"))
	f.Add([]byte("-:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		maps, err := parseMaps(data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("unescaped error %q", err)
			}
			return
		}
		for _, m := range maps {
			if m.Lo > m.Hi || len(m.Perms) != 4 {
				t.Errorf("%+v", m)
			}
		}
	})
}
