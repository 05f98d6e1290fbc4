// digest: a standard library function in hand-written AVX and SHA assembly,
// whose instructions a decoder must not misread.
//
// Truth: main.Sum(n) is called 53 times and calls crypto/sha256.Sum256 53 times.
// Prints:
//
//	calls main.Sum = 53
//	calls crypto/sha256.Sum256 = 53
//	digest c27d93e3df6eadaa
package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/latchprof/latch/testprogs/go/internal/protocol"
)

//go:noinline
func Sum(n int, data []byte) byte {
	d := sha256.Sum256(data[:n])
	return d[0]
}

func main() {
	protocol.Ready()
	data := make([]byte, 4096)
	for i := 0; i < 53; i++ {
		data[i] ^= Sum(i*71, data)
	}
	protocol.Calls("main.Sum", 53)
	protocol.Calls("crypto/sha256.Sum256", 53)
	d := sha256.Sum256(data)
	fmt.Printf("digest %x\n", d[:8])
	protocol.Done()
}
