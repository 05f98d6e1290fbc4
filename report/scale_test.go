package report

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/latchprof/latch/latency"
)

// large is a recording of 1,000 functions with 10,000 series.
func large() *latency.Recording {
	var functions []latency.Function
	for i := range 1000 {
		var series []latency.Series
		for j := range 10 {
			series = append(series, seriesOf(map[string]string{"route": fmt.Sprintf("/api/%d/%d", i, j)}, spread(50, 1000*float64(j+1), 1.07)...))
		}
		functions = append(functions, function(fmt.Sprintf("main.(*API).handle%d", i), []string{"route"}, series...))
	}
	return recording(functions...)
}

// TestLarge bounds the time of each format, which is far less than the bound
// wherever tests run.
func TestLarge(t *testing.T) {
	rec := large()
	for _, f := range recordingFormats {
		began := time.Now()
		if err := f.write(io.Discard, rec); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %v", f.suffix, took)
		} else {
			t.Logf("%s took %v", f.suffix, took)
		}
	}
}
