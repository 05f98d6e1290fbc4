package netlab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary runs itself again as one of the programs where programVar
// names it, under the name in commVar.
const (
	programVar = "LATCH_NETLAB_PROGRAM"
	commVar    = "LATCH_NETLAB_COMM"
)

// A program makes its sockets, then returns what is to be done at Go. What
// that returns is printed line by line.
type program func(args []string) (work func() ([]string, error), err error)

var programs = map[string]program{
	"udp":      udpSend,
	"udpserve": udpServe,
	"tcp":      tcpConnect,
	"syn":      tcpSyn,
	"talk":     tcpTalk,
	"tcpserve": tcpServe,
	"write":    tcpWrite,
	"where":    tcpWhere,
	"raw":      rawSend,
	"tun":      tunOpen,
}

// The name of a task is its thread's: the program stays in its first thread,
// whose name is the one in /proc/PID/comm too.
func init() {
	if os.Getenv(programVar) != "" {
		runtime.LockOSThread()
	}
}

// Main is what TestMain of every package that uses labs must call. It does
// not return.
func Main(m *testing.M) {
	Program()
	os.Exit(m.Run())
}

// Program is what a TestMain that does more must call first. In a process that
// is to be a program it does not return.
func Program() {
	name := os.Getenv(programVar)
	if name == "" {
		return
	}
	if err := runProgram(name, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runProgram follows the protocol of testutil.Prog.
func runProgram(name string, args []string) error {
	prepare, ok := programs[name]
	if !ok {
		return errors.New("no such program")
	}
	if err := os.WriteFile("/proc/thread-self/comm", []byte(os.Getenv(commVar)), 0o644); err != nil {
		return fmt.Errorf("set name: %w", err)
	}
	work, err := prepare(args)
	if err != nil {
		return err
	}
	fmt.Printf("ready %d\n", os.Getpid())
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		return nil // the test ended
	}
	lines, err := work()
	if err != nil {
		return err
	}
	for _, line := range append(lines, "done") {
		fmt.Println(line)
	}
	_, _ = stdin.ReadString('\n') // until the end of the test
	return nil
}

// outcomes counts what system calls said: "EPERM=2 ok=1".
type outcomes map[string]int

func (o outcomes) add(err error) {
	o[outcome(err)]++
}

func outcome(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &errno):
		return unix.ErrnoName(errno)
	}
	return err.Error()
}

func (o outcomes) lines() []string {
	var all []string
	for what, n := range o {
		all = append(all, fmt.Sprintf("%s=%d", what, n))
	}
	sort.Strings(all)
	return []string{strings.Join(all, " ")}
}
