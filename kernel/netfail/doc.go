// Package netfail sees the network failures for which the kernel frees no
// packet, so that no drop event tells of them: socket calls that fail before
// there is a packet, counters that move, and listeners whose queue is full.
//
// Not seen are calls made through io_uring, by sendfile(2) and splice(2), and
// by 32-bit programs on a 64-bit kernel. ECONNREFUSED and ETIMEDOUT are not
// reported: for these packets were sent, and answered or lost as packets.
// Where sendmmsg(2) sends some of its messages, the kernel keeps the error of
// the next one for the socket's next call, and it is reported with that one.
package netfail
