package elfsym
import ("testing";"errors";"os";"fmt")
func TestZZ(t *testing.T){
 for _,n:=range []string{"go","libc","compile"} {
 b,err:=Open(realBinaries(t)[n],nil); if err!=nil {t.Fatal(err)}
 k:=0
 tallySites(t,b,func(f *Func,s Sites,err error){
  if errors.Is(err,errLoop) && k<30 { k++; fmt.Fprintln(os.Stderr,n,f.Symbol,f.Attr,err)}
  if s.NoExit!=nil && (errors.Is(s.NoExit,errUnsureJump)||errors.Is(s.NoExit,errForeignFrame)) {fmt.Fprintln(os.Stderr,n,f.Symbol,s.NoExit)}
  if n=="libc"&& s.NoExit!=nil && errors.Is(s.NoExit,errNeverReturns) {fmt.Fprintln(os.Stderr,n,f.Symbol,f.Size)}
 })
 }
}
