package drop

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/latchprof/latch/bpf"
)

// ownerPrograms are the programs that note who has a socket, by tracepoint.
var ownerPrograms = map[string]string{
	"inet_sock_set_state": bpf.DropProgSocketState,
	"sock_send_length":    bpf.DropProgSocketSend,    // from 6.3 on
	"sock_recv_length":    bpf.DropProgSocketReceive, // from 6.3 on
	"tcp_retransmit_skb":  bpf.DropProgRetransmit,
}

// rawOwner is what the drop program saw of a packet's socket.
type rawOwner struct {
	sock, inode, cgroup uint64
	uid                 uint32
	receiving           bool
	state               uint8
	port                uint16
	noted               bpf.DropSockOwner
	inCall              bool // the task that ran had asked for what was done
}

// owners knows which process has which socket.
type owners struct {
	files  *ebpf.Program // the iterator over open files
	byNode map[uint64]bpf.DropSockFile
	byEnds map[ends]bpf.DropSockFile // connected ones; without an inode where several are alike
	start  time.Time
	spent  time.Duration // in reading the table of open sockets
}

// ends are what a connected socket sends from and to.
type ends struct {
	proto    uint8
	src, dst netip.AddrPort
}

func newOwners(files *ebpf.Program) *owners { return &owners{files: files, start: time.Now()} }

// mayRefresh says whether the table of open sockets may be read for a socket
// that is not in it: many of those are no process's. It takes 0.2 ms on a small
// machine and as much longer as more files are open, so that it gets a
// hundredth of the time, and some in advance.
func (o *owners) mayRefresh() bool {
	const advance = 50 * time.Millisecond
	return o.spent < advance+time.Since(o.start)/100
}

// refresh reads which sockets the processes have open.
func (o *owners) refresh() error {
	began := time.Now()
	defer func() { o.spent += time.Since(began) }()
	iter, err := link.AttachIter(link.IterOptions{Program: o.files})
	if err != nil {
		return fmt.Errorf("list open sockets: %w", err)
	}
	defer iter.Close()
	r, err := iter.Open()
	if err != nil {
		return fmt.Errorf("list open sockets: %w", err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("list open sockets: %w", err)
	}
	o.byNode, o.byEnds = make(map[uint64]bpf.DropSockFile), make(map[ends]bpf.DropSockFile)
	var file bpf.DropSockFile
	size := int(unsafe.Sizeof(file))
	if len(data)%size != 0 {
		return errors.New("list open sockets: the kernel cut the list")
	}
	for ; len(data) > 0; data = data[size:] {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&file)), size), data)
		if _, ok := o.byNode[file.Inode]; !ok { // of several that share it, the one with the least PID
			o.byNode[file.Inode] = file
			o.addEnds(&file)
		}
	}
	return nil
}

func (o *owners) addEnds(file *bpf.DropSockFile) {
	if file.Ethertype == 0 || file.Dport == 0 {
		return
	}
	key := ends{
		file.Proto,
		netip.AddrPortFrom(addressOf(file.Ethertype, file.Saddr).Unmap(), file.Sport),
		netip.AddrPortFrom(addressOf(file.Ethertype, file.Daddr).Unmap(), file.Dport),
	}
	if _, ok := o.byEnds[key]; ok { // two namespaces with the same addresses
		o.byEnds[key] = bpf.DropSockFile{}
		return
	}
	o.byEnds[key] = *file
}

// sender returns whose packet it was that has no socket any more, as it has
// crossed from one namespace of this machine to another: the only socket that is
// connected from and to its addresses. It is nil if there is none.
func (o *owners) sender(f *Flow) *Owner {
	if f.SrcPort == 0 || f.DstPort == 0 || !f.Src.IsValid() {
		return nil
	}
	key := ends{f.Proto, netip.AddrPortFrom(f.Src.Unmap(), f.SrcPort), netip.AddrPortFrom(f.Dst.Unmap(), f.DstPort)}
	file, ok := o.byEnds[key]
	if !ok && o.mayRefresh() && o.refresh() == nil {
		file = o.byEnds[key]
	}
	if file.Inode == 0 {
		return nil
	}
	return &Owner{
		Inode: file.Inode, UID: file.Uid, PID: int(file.Tgid), TID: int(file.Tgid), Comm: text(file.Comm[:]),
		Port: file.Sport, ByAddress: true,
	}
}

// of returns who has the packet's socket, nil if it is not known.
func (o *owners) of(e *event) *Owner {
	r := &e.raw
	if r.sock == 0 {
		f := flowOf(&e.key)
		return o.sender(&f)
	}
	owner := &Owner{Inode: r.inode, UID: r.uid, CgroupID: r.cgroup, Port: r.port, Receiving: r.receiving}
	if e.key.Proto == 6 && int(r.state) < len(tcpStates) {
		owner.State = tcpStates[r.state]
	}
	switch {
	case r.noted.Tgid != 0:
		owner.PID, owner.TID, owner.Comm = int(r.noted.Tgid), int(r.noted.Tid), text(r.noted.Comm[:])
	case r.inCall && !r.receiving:
		owner.PID, owner.TID, owner.Comm = e.packet.TaskPID, e.packet.TaskTID, e.packet.Comm
	case r.inode != 0:
		file, ok := o.byNode[r.inode]
		if !ok && o.mayRefresh() && o.refresh() == nil {
			file, ok = o.byNode[r.inode]
		}
		if ok {
			owner.PID, owner.TID, owner.Comm = int(file.Tgid), int(file.Tgid), text(file.Comm[:])
		}
	}
	return owner
}

// tcpStates are the states of include/net/tcp_states.h.
var tcpStates = []string{"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
	"CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"}
