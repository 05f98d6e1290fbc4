package netlab

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchprof/latch/internal/testutil"
	"github.com/latchprof/latch/kernel"
)

// commandLimit bounds every command that sets something up.
const commandLimit = time.Minute

// A Host is one of the lab's namespaces. Its methods end the test if what
// they do does not work.
type Host struct {
	kernel.NetNS
	lab *Lab
}

// Command is a command that is to run in the namespace.
func (h *Host) Command(name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.Name, name}, args...)...)
}

// Run runs a command line, split at blanks.
func (h *Host) Run(line string) {
	h.lab.T.Helper()
	words := strings.Fields(line)
	h.feed("", words[0], words[1:]...)
}

// NFT adds a piece of an nft ruleset.
func (h *Host) NFT(ruleset string) {
	h.lab.T.Helper()
	h.feed(ruleset, "nft", "-f", "-")
}

// ip runs ip(8) once for several lines.
func (h *Host) ip(lines ...string) {
	h.lab.T.Helper()
	h.feed(strings.Join(lines, "\n"), "ip", "-batch", "-")
}

func (h *Host) feed(stdin, name string, args ...string) {
	h.lab.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", h.Command(name, args...).Args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.lab.T.Fatalf("%s: %s %s: %v\n%s%s", h.Name, name, strings.Join(args, " "), err, out, stdin)
	}
}

// output runs a command and returns what it prints.
func (h *Host) output(name string, args ...string) string {
	h.lab.T.Helper()
	out, err := h.Command(name, args...).Output()
	if err != nil {
		h.lab.T.Fatalf("%s: %s %s: %v", h.Name, name, strings.Join(args, " "), err)
	}
	return string(out)
}

// until polls until something is so.
func (h *Host) until(what string, so func() bool) {
	h.lab.T.Helper()
	until(h.lab.T, h.Name, what, so)
}

// until polls until it is so that who has done what.
func until(t testing.TB, who, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(commandLimit); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not %s within %v", who, what, commandLimit)
		}
	}
}

// Sysctl sets one of the namespace's own settings, such as net.ipv4.ip_forward.
// A device whose name has no dots may be in it.
func (h *Host) Sysctl(name, value string) {
	h.lab.T.Helper()
	path := filepath.Join("/proc/sys", filepath.Join(strings.Split(name, ".")...))
	h.in("set "+name, func() error { return os.WriteFile(path, []byte(value), 0o644) })
}

// Netstat reads a counter of the namespace's /proc/net/netstat or snmp, such
// as TcpExt ListenOverflows.
func (h *Host) Netstat(group, name string) string {
	h.lab.T.Helper()
	var value string
	h.in("read "+name, func() error {
		for _, file := range []string{"netstat", "snmp"} {
			text, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err != nil {
				return err
			}
			var names []string
			for _, line := range strings.Split(string(text), "\n") {
				fields := strings.Fields(line)
				switch {
				case len(fields) == 0 || fields[0] != group+":":
				case names == nil:
					names = fields
				default:
					for i := range names {
						if names[i] == name {
							value = fields[i]
							return nil
						}
					}
				}
			}
		}
		return fmt.Errorf("no %s %s", group, name)
	})
	return value
}

// in does something in a thread that is in the namespace.
func (h *Host) in(what string, f func() error) {
	h.lab.T.Helper()
	if err := h.Do(f); err != nil {
		h.lab.T.Fatalf("%s: %s: %v", h.Name, what, err)
	}
}

// Ping runs ping(8) with the words of its command line and returns what it
// printed. It does not matter whether it was answered.
func (h *Host) Ping(line string) string {
	h.lab.T.Helper()
	out, err := h.Command("ping", strings.Fields(line)...).CombinedOutput()
	if err != nil && len(out) == 0 {
		h.lab.T.Fatalf("%s: ping %s: %v", h.Name, line, err)
	}
	return string(out)
}

// Start starts one of the package's programs under a name of its own (comm,
// at most 15 bytes). It has its sockets when Start returns and does its work
// at Go. It is killed at the end of the test.
func (h *Host) Start(comm, program string, args ...string) *testutil.Prog {
	h.lab.T.Helper()
	return testutil.StartCmd(h.lab.T, h.program(comm, program, args...))
}

func (h *Host) program(comm, program string, args ...string) *exec.Cmd {
	h.lab.T.Helper()
	self, err := os.Executable()
	if err != nil {
		h.lab.T.Fatal(err)
	}
	cmd := h.Command(self, args...)
	cmd.Env = append(os.Environ(), programVar+"="+program, commVar+"="+comm)
	return cmd
}

// Tell has one of the package's programs do its work and returns what it
// saw. The program keeps its sockets until the end of the test.
func (h *Host) Tell(comm, program string, args ...string) string {
	h.lab.T.Helper()
	p := h.Start(comm, program, args...)
	p.Go()
	return strings.Join(p.WaitDone(), "\n")
}

// Send sends raw frames from a device.
func (h *Host) Send(dev string, frames ...[]byte) {
	h.lab.T.Helper()
	args := []string{dev}
	for _, f := range frames {
		args = append(args, fmt.Sprintf("%x", f))
	}
	h.lab.Equal("raw sender", h.Tell("raw", "raw", args...), fmt.Sprintf("ok=%d", len(frames)))
}

// Datagrams sends one from a socket to each of the ports of an IPv4 address.
func (h *Host) Datagrams(to string, ports ...int) {
	h.lab.T.Helper()
	h.in("send datagrams", func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		addr := netip.MustParseAddr(to).As4()
		for _, port := range ports {
			if err := unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Addr: addr, Port: port}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Fence makes one drop that every tracer of the lab must see: a datagram to
// FencePort, on the router's loopback. What happened before it is in the
// kernel's maps when it is.
func (l *Lab) Fence() {
	l.T.Helper()
	l.R.in("fence", func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, []byte("fence"), 0, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: FencePort})
	})
}
