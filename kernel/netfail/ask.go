package netfail

import (
	"errors"

	"github.com/mdlayher/netlink"
)

// ask sends one request to the kernel, on behalf of the namespace that the
// thread is in, and returns the answers.
func ask(family int, kind netlink.HeaderType, flags netlink.HeaderFlags, data []byte) (_ []netlink.Message, err error) {
	conn, err := netlink.Dial(family, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Execute(netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | flags}, Data: data})
}
