// Flood sends packets that the kernel drops, in a network namespace of its own:
// IPv4 over the loopback device with a wrong checksum. It speaks like the
// programs of testprogs, but works as often as it is told to.
//
//	flood PACKETS FLOWS RATE    # a second; 0 is as fast as it can
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The main thread's namespace is the process's.
func init() { runtime.LockOSThread() }

func main() {
	if err := flood(os.Args[1:]); err != nil {
		fmt.Println("wrong:", err)
		os.Exit(1)
	}
}

func flood(args []string) error {
	var packets, flows, rate int
	for i, into := range []*int{&packets, &flows, &rate} {
		n, err := strconv.Atoi(args[i])
		if err != nil {
			return err
		}
		*into = n
	}
	fd, err := loopback()
	if err != nil {
		return err
	}
	frame := frame()
	in := bufio.NewScanner(os.Stdin)
	fmt.Printf("ready %d\n", os.Getpid())
	for in.Scan() {
		began := time.Now()
		for i := range packets {
			// Flows differ in their source: its last two bytes.
			binary.BigEndian.PutUint16(frame[28:], uint16(i%flows))
			if _, err := unix.Write(fd, frame); err != nil {
				return err
			}
			if rate > 0 && i%100 == 0 {
				due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
				time.Sleep(time.Until(due))
			}
		}
		fmt.Printf("# %d packets: %.1f ns per call\ndone\n", packets, float64(time.Since(began).Nanoseconds())/float64(packets))
	}
	return in.Err()
}

// loopback returns a socket for frames on the loopback device of a new
// namespace.
func loopback() (int, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	up, err := unix.NewIfreq("lo")
	if err != nil {
		return 0, err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up); err != nil {
		return 0, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: 1}) // of no protocol: it receives nothing
}

// frame is a UDP datagram of 10.0.0.0 to 10.1.0.1 with a wrong IP checksum.
func frame() []byte {
	f := make([]byte, 14+20+8+32)
	copy(f[12:], []byte{
		0x08, 0x00,
		0x45, 0, 0, 20 + 8 + 32, 0, 0, 0, 0, 64, 17, 0xba, 0xad, 10, 0, 0, 0, 10, 1, 0, 1,
		0x30, 0x39, 0, 53, 0, 8 + 32, 0, 0,
	})
	return f
}
