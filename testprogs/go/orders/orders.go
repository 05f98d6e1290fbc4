// orders: calls that send packets, which a network may lose.
//
// Truth: with "tcp ADDRESS N", sendOrder("order-1") to sendOrder("order-N") run at
// the same time, each in a goroutine of its own; sendOrder("order-I") connects to
// port 80+I of the address and gives up after 3500 ms. If it is connected, it reads
// until the other end closes, or for 3500 ms.
// With "udp ADDRESS", ask("lost") sends a datagram to port 81 of the address and
// waits for an answer, and does so again every 200 ms, at most 20 times. Then
// ask("fine") does the same with port 82.
// Prints (tcp 127.0.0.1 2):
//
//	calls main.sendOrder = 2
//
// Prints (udp 127.0.0.1):
//
//	calls main.ask = 2
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

const (
	patience = 3500 * time.Millisecond
	askAgain = 200 * time.Millisecond
)

//go:noinline
func sendOrder(orderID string) string {
	var number int
	if _, err := fmt.Sscanf(orderID, "order-%d", &number); err != nil {
		return err.Error()
	}
	dialer := net.Dialer{Timeout: patience}
	conn, err := dialer.Dial("tcp", net.JoinHostPort(os.Args[2], strconv.Itoa(80+number)))
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "ECONNREFUSED"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed-out"
	case err != nil:
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	for answer := make([]byte, 64); err == nil; {
		_, err = conn.Read(answer)
	}
	return "connected"
}

//go:noinline
func ask(id string) (asked int) {
	port := map[string]int{"lost": 81, "fine": 82}[id]
	conn, err := net.Dial("udp", net.JoinHostPort(os.Args[2], strconv.Itoa(port)))
	if err != nil {
		return -1
	}
	defer conn.Close()
	answer := make([]byte, 64)
	for asked < 20 {
		asked++
		_, _ = conn.Write([]byte(id))
		_ = conn.SetReadDeadline(time.Now().Add(askAgain))
		if n, _ := conn.Read(answer); n > 0 {
			break
		}
	}
	return asked
}

func sendOrders(n int) {
	outcomes := make([]chan string, n)
	for i := range outcomes {
		outcome, id := make(chan string), fmt.Sprintf("order-%d", i+1)
		outcomes[i] = outcome
		go func() { outcome <- id + " " + sendOrder(id) }()
	}
	for _, outcome := range outcomes {
		fmt.Println("#", <-outcome)
	}
	protocol.Calls("main.sendOrder", int64(n))
}

func main() {
	protocol.Ready()
	if os.Args[1] == "udp" {
		fmt.Printf("# lost asked %d times\n", ask("lost"))
		fmt.Printf("# fine asked %d times\n", ask("fine"))
		protocol.Calls("main.ask", 2)
	} else {
		sendOrders(protocol.Number(3, 1))
	}
	protocol.Done()
}
