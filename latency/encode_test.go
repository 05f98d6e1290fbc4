package latency

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestLayout(t *testing.T) {
	const compact = `{"a":"{[\"","b":[],"c":[{"d":[1,2],"e":{"f":"]","g":[[3,4]]}},{}]}`
	const want = `{
  "a":"{[\"",
  "b":[],
  "c":[
    {
      "d":[1,2],
      "e":{
        "f":"]",
        "g":[[3,4]]
      }
    },
    {}
  ]
}`
	got := layout([]byte(compact))
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	var back bytes.Buffer
	if err := json.Compact(&back, got); err != nil || back.String() != compact {
		t.Errorf("compacted again: %s, %v", back.String(), err)
	}
}
