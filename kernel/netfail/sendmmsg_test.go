package netfail_test

import (
	"net/netip"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendmmsg sends the data to dst, in one message. The unix package has no such
// function.
func sendmmsg(fd int, data []byte, dst netip.AddrPort) error {
	name := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: dst.Port()>>8 | dst.Port()<<8, Addr: dst.Addr().As4()}
	iov := unix.Iovec{Base: &data[0], Len: uint64(len(data))}
	msg := struct { // struct mmsghdr
		header unix.Msghdr
		len    uint32
	}{header: unix.Msghdr{Name: (*byte)(unsafe.Pointer(&name)), Namelen: unix.SizeofSockaddrInet4, Iov: &iov, Iovlen: 1}}
	_, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&msg)), 1, 0, 0, 0)
	runtime.KeepAlive(&name)
	if errno != 0 {
		return errno
	}
	return nil
}
