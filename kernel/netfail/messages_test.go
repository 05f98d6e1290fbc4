package netfail

import (
	"encoding/hex"
	"strings"
	"testing"
)

// Messages that Linux 6.18 sent on amd64, in hexadecimal.
const (
	// tbf 7: on device 3, which dropped 13 packets.
	tbfMessage = `000000000300000000000700ffffffff03000000
		0800010074626600
		2c00020028000100000100000000000001000000000000000000000000000000c800000040b743ba00000000
		05000c0000000000
		30000700 14000100c4000000000000000200000000000000
		         1800030002000000b40000000d000000000000000f000000
		2c000300c400000000000000020000000d0000000f000000000000000000000002000000b400000000000000`
	// A listener at [fd66::1]:8080 with two of one waiting, which lost three.
	listenerMessage = `0a0a0000 1f900000
		fd660000000000000000000000000001 00000000000000000000000000000000
		00000000 2110000000000000 00000000 02000000 01000000 00000000 44e21500
		0500080000000000 05000b0001000000 08000f0000000000 0c001500010000000000000006001600 12000000
		28000700 0000000000000200000000000040000000000000 0000000000000000 00000000 03000000`
)

func message(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseQdisc(t *testing.T) {
	b := message(t, tbfMessage)
	want := qdisc{ifIndex: 3, handle: 7 << 16, drops: 13, kind: "tbf"}
	if q, err := parseQdisc(b); err != nil || q != want {
		t.Errorf("%+v, %v; want %+v", q, err, want)
	}
	for n := range b {
		q, err := parseQdisc(b[:n])
		if n < sizeofTCMsg && err == nil {
			t.Errorf("%d bytes are a queueing discipline: %+v", n, q)
		}
		if q.drops != 0 && q.drops != want.drops {
			t.Errorf("%d of %d bytes: %d drops", n, len(b), q.drops)
		}
	}
}

func TestParseListener(t *testing.T) {
	b := message(t, listenerMessage)
	l, err := parseListener(b)
	if err != nil {
		t.Fatal(err)
	}
	if l.Addr.String() != "[fd66::1]:8080" || l.Queue != 2 || l.Backlog != 1 || l.UID != 0 || l.Inode != 0x15e244 || l.Drops != 3 || !l.Full() {
		t.Errorf("%+v", l)
	}
	for n := range b {
		l, err := parseListener(b[:n])
		if n < sizeofInetDiag && err == nil {
			t.Errorf("%d bytes are a listener: %+v", n, l)
		}
		if l.Drops != 0 {
			t.Errorf("%d of %d bytes: %d drops", n, len(b), l.Drops)
		}
	}
}
