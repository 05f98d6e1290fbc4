package netlab

import (
	"encoding/hex"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// rawSend sends frames, in hexadecimal, from device DEV.
func rawSend(args []string) (func() ([]string, error), error) {
	dev, err := net.InterfaceByName(args[0])
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", args[0], err)
	}
	var frames [][]byte
	for _, text := range args[1:] {
		frame, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("frame %s: %w", text, err)
		}
		frames = append(frames, frame)
	}
	// Of protocol 0: it receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	return func() ([]string, error) {
		seen := make(outcomes)
		for _, f := range frames {
			seen.add(unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: dev.Index}))
		}
		return seen.lines(), nil
	}, nil
}

// tunOpen makes the tun device NAME and never reads from it.
func tunOpen(args []string) (func() ([]string, error), error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open tun: %w", err)
	}
	req, err := unix.NewIfreq(args[0])
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, fmt.Errorf("make tun device %s: %w", args[0], err)
	}
	return nothing, nil
}
