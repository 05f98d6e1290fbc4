package elfsym

import "testing"

func TestGoTypeSpelling(t *testing.T) {
	for name, want := range map[string]string{
		"[]byte": "[]uint8", "map[rune]any": "map[int32]interface {}", "interface{}": "interface {}", "chan struct{}": "chan struct {}",
		"main.byte": "main.byte", "example.com/any/x.T": "example.com/any/x.T", "any.T": "any.T", "func(...byte) any": "func(...uint8) interface {}",
		"*[4]byte": "*[4]uint8", "main.G[any,byte]": "main.G[interface {},uint8]", "": "",
	} {
		if got := goTypeSpelling(name); got != want {
			t.Errorf("%s is spelt %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"*net/http.Request": "*http.Request", "main.T": "main.T", "map[a/b.K][]c/d/e.V": "map[b.K][]e.V", "func(a/b.T, ...c/d.U) e/f.V": "func(b.T, ...d.U) f.V",
		"a/b.G[c/d.T,int]": "b.G[d.T,int]", "<-chan a/b.T": "<-chan b.T",
	} {
		if got := shortTypeName(name); got != want {
			t.Errorf("%s is short %s, want %s", name, got, want)
		}
	}
	if got := unescapedTypeName("gopkg.in/yaml%2ev3.Node"); got != "gopkg.in/yaml.v3.Node" {
		t.Errorf("unescaped to %s", got)
	}
	if got := unescapedTypeName("100%"); got != "100%" {
		t.Errorf("unescaped to %s", got)
	}
}
