package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// From include/uapi/linux/netfilter/nfnetlink.h, nf_tables.h and
// nfnetlink_log.h.
const (
	nfgenmsgLen = 4 // family, version, resource id

	groupNFTrace = 9 // NFNLGRP_NFTRACE
	msgTrace     = unix.NFNL_SUBSYS_NFTABLES<<8 | 17

	traceTableName = 1
	traceChain     = 2
	traceHandle    = 3
	traceType      = 4
	traceVerdict   = 5
	traceID        = 6
	tracePolicy    = 16

	verdictDrop, verdictAccept = 0, 1 // NF_DROP and NF_ACCEPT, netfilter.h

	typePolicy = 1 // NFT_TRACETYPE_POLICY
	typeRule   = 3

	msgLogPacket = unix.NFNL_SUBSYS_ULOG << 8
	msgLogConfig = unix.NFNL_SUBSYS_ULOG<<8 | 1

	logCmd, logMode           = 1, 2 // NFULA_CFG_
	logCmdBind                = 1
	logCopyPacket             = 2
	logPayload, logPrefixText = 9, 10 // NFULA_
)

// nftFamilies names enum NFPROTO of the tables.
var nftFamilies = map[byte]string{1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

// overrun says that the kernel had more messages than the socket could hold.
func overrun(err error) bool { return errors.Is(err, unix.ENOBUFS) }

// listenNFT hears what nft traces in this thread's namespace.
func listenNFT() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open netlink for traces of nft: %w", err)
	}
	if err := conn.JoinGroup(groupNFTrace); err != nil {
		return nil, errors.Join(fmt.Errorf("listen to traces of nft: %w", err), conn.Close())
	}
	return conn, nil
}

// decodeNFT reads a message of NFNLGRP_NFTRACE.
func decodeNFT(m netlink.Message) (hop, bool) {
	if m.Header.Type != msgTrace || len(m.Data) < nfgenmsgLen {
		return hop{}, false
	}
	ad, err := netlink.NewAttributeDecoder(m.Data[nfgenmsgLen:])
	if err != nil {
		return hop{}, false
	}
	ad.ByteOrder = binary.BigEndian
	s := hop{family: nftFamilies[m.Data[0]]}
	kind, verdict, policy := uint32(0), uint32(verdictAccept), uint32(verdictAccept)
	for ad.Next() {
		switch ad.Type() {
		case traceTableName:
			s.table = ad.String()
		case traceChain:
			s.chain = ad.String()
		case traceHandle:
			s.handle = ad.Uint64()
		case traceType:
			kind = ad.Uint32()
		case traceID:
			s.id = ad.Uint32()
		case tracePolicy:
			policy = ad.Uint32()
		case traceVerdict:
			ad.Nested(func(nested *netlink.AttributeDecoder) error {
				for nested.Next() {
					if nested.Type() == 1 { // NFTA_VERDICT_CODE
						verdict = nested.Uint32()
					}
				}
				return nil
			})
		}
	}
	if ad.Err() != nil {
		return hop{}, false
	}
	s.policy = kind == typePolicy
	s.dropped = kind == typeRule && verdict == verdictDrop || s.policy && policy == verdictDrop
	return s, true
}

// logCopy is how much of each packet is wanted: its addresses.
const logCopy = 64

// listenLog hears what legacy iptables traces in this thread's namespace: it
// comes as packets logged to group 0 (nf_log_trace, default_loginfo).
func listenLog() (*netlink.Conn, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open netlink for traces of iptables: %w", err)
	}
	mode := binary.BigEndian.AppendUint32(nil, logCopy)
	mode = append(mode, logCopyPacket, 0)
	for _, attr := range []netlink.Attribute{{Type: logCmd, Data: []byte{logCmdBind}}, {Type: logMode, Data: mode}} {
		data, err := netlink.MarshalAttributes([]netlink.Attribute{attr})
		if err == nil {
			_, err = conn.Execute(netlink.Message{
				Header: netlink.Header{Type: msgLogConfig, Flags: netlink.Request | netlink.Acknowledge},
				Data:   append(make([]byte, nfgenmsgLen), data...), // group 0
			})
		}
		if errors.Is(err, unix.EBUSY) {
			err = fmt.Errorf("another program reads it: %w", err)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen to packets logged to group 0: %w", err), conn.Close())
		}
	}
	return conn, nil
}

// decodeLog reads a logged packet whose prefix is "TRACE: filter:BLOCK:rule:2 ".
// It is not ok for packets of other addresses.
func decodeLog(m netlink.Message, p *Packet) (hop, bool) {
	if m.Header.Type != msgLogPacket || len(m.Data) < nfgenmsgLen {
		return hop{}, false
	}
	ad, err := netlink.NewAttributeDecoder(m.Data[nfgenmsgLen:])
	if err != nil {
		return hop{}, false
	}
	var prefix string
	same := false
	for ad.Next() {
		switch ad.Type() {
		case logPrefixText:
			prefix = ad.String()
		case logPayload:
			same = sameAddresses(ad.Bytes(), p)
		}
	}
	if ad.Err() != nil || !same {
		return hop{}, false
	}
	return parseTracePrefix(prefix, v6(p))
}

// parseTracePrefix reads table, chain, kind and number (trace_packet in
// net/ipv4/netfilter/ip_tables.c). A chain's name may have colons.
func parseTracePrefix(prefix string, v6 bool) (hop, bool) {
	rest, ok := strings.CutPrefix(prefix, "TRACE: ")
	parts := strings.Split(strings.TrimSpace(rest), ":")
	n := len(parts)
	if !ok || n < 4 {
		return hop{}, false
	}
	number, err := strconv.Atoi(parts[n-1])
	kind := parts[n-2]
	if err != nil || kind != "rule" && kind != "policy" {
		return hop{}, false
	}
	s := hop{legacy: true, family: "ip", table: parts[0], chain: strings.Join(parts[1:n-2], ":"), number: number, policy: kind == "policy"}
	if v6 {
		s.family = "ip6"
	}
	return s, true
}

// sameAddresses says whether the IP packet has those addresses of p that are
// known.
func sameAddresses(data []byte, p *Packet) bool {
	at, size := 12, 4
	if v6(p) {
		at, size = 8, 16
	}
	if len(data) < at+2*size {
		return false
	}
	src, _ := netip.AddrFromSlice(data[at : at+size])
	dst, _ := netip.AddrFromSlice(data[at+size : at+2*size])
	return (src == p.Src || !p.Src.IsValid()) && (dst == p.Dst || !p.Dst.IsValid())
}
