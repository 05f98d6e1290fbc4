// Package testutil builds and runs the programs under testprogs and says what
// the machine at hand can test. Only tests import it.
package testutil

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A recipe says how to make one program. It is data: nothing runs before
// its hash is known to be missing from the cache.
type recipe struct {
	sources []string   // files whose content decides the result
	tools   []string   // compilers whose version decides it too
	dir     string     // where the steps run
	env     []string   // added to the environment
	steps   [][]string // commands; outDir in an argument is the output directory
	output  string     // the file that Build returns, within the output directory
	prepare func(out string) error
}

const outDir = "{out}"

// Build compiles testprogs/lang/name and returns the executable's path. lang
// is "c", "cxx", "go" or "rust". Builds are kept in a cache under os.TempDir
// that all test binaries of this user share, keyed by the sources, the flags
// and the compilers' versions; other files that belong to the program (shared
// libraries, separate debug files) lie beside the executable.
//
// Flags are added behind the language's default flags and those of the
// program's header, so that the last one wins. Some are not the compiler's:
//
//	c, cxx: clang, musl (C only), strip, strip-debug, debuglink, badlink, minidebug
//	go:     -s -w, -w, -N -l, pie, cgo, static-pie, toolchain=go1.21.13
//	rust:   debug, release, v0, legacy, strip, strip-debug
//
// A missing compiler skips the test, or fails it where CI is set.
func Build(t testing.TB, lang, name string, flags ...string) string {
	t.Helper()
	h := ReadHeader(t, lang, name)
	for _, need := range h.Needs {
		needWord(t, need, flags)
	}
	src := filepath.Join(Root(t), "testprogs", lang, name)
	var r recipe
	var err error
	switch lang {
	case "c", "cxx":
		r, err = cRecipe(src, lang, h.Flags, flags)
	case "go":
		r, err = goRecipe(src, h, flags)
	case "rust":
		r, err = rustRecipe(src, h.Flags, flags)
	default:
		err = fmt.Errorf("no such language")
	}
	if err != nil {
		t.Fatalf("plan the build of %s/%s %q: %v", lang, name, flags, err)
	}
	for _, tool := range r.tools {
		Need(t, tool)
	}
	if tc := toolchainFlag(flags); lang == "go" && tc != "" {
		needToolchain(t, tc)
	}
	path, err := r.build()
	if err != nil {
		t.Fatalf("build %s/%s %q: %v", lang, name, flags, err)
	}
	return path
}

// Root returns the directory that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			t.Fatalf("no go.mod above %s", dir)
		}
	}
}

// building holds, per cache key, the one build of this process.
var building sync.Map // string -> func() (string, error)

func (r *recipe) build() (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	key, err := r.key()
	if err != nil {
		return "", err
	}
	once, _ := building.LoadOrStore(key, sync.OnceValues(func() (string, error) {
		return r.buildInto(cache, key)
	}))
	return once.(func() (string, error))()
}

// buildInto makes the program in a directory of its own and then renames it,
// so that a concurrent test binary sees all of it or nothing.
func (r *recipe) buildInto(cache, key string) (string, error) {
	final := filepath.Join(cache, key)
	path := filepath.Join(final, r.output)
	if _, err := os.Stat(path); err == nil {
		now := time.Now()
		return path, os.Chtimes(final, now, now)
	}
	prune(cache)
	tmp, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if r.prepare != nil {
		if err := r.prepare(tmp); err != nil {
			return "", err
		}
	}
	for _, step := range r.steps {
		args := make([]string, len(step))
		for i, a := range step {
			args[i] = strings.ReplaceAll(a, outDir, tmp)
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = strings.ReplaceAll(r.dir, outDir, tmp)
		cmd.Env = append(os.Environ(), r.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("run %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	if err := os.Rename(tmp, final); err != nil {
		if _, statErr := os.Stat(path); statErr != nil {
			return "", err // not merely another process that was first
		}
	}
	return path, nil
}

// key hashes everything that decides what the recipe makes.
func (r *recipe) key() (string, error) {
	h := sha256.New()
	for _, tool := range r.tools {
		fmt.Fprintf(h, "%s\x00%s\x00", tool, toolVersion(tool))
	}
	fmt.Fprintf(h, "%q\x00%q\x00", r.steps, r.env)
	for _, name := range r.sources {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\x00", name)
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// versions holds what each tool says about itself.
var versions sync.Map // string -> string

func toolVersion(tool string) string {
	if v, ok := versions.Load(tool); ok {
		return v.(string)
	}
	arg := "--version"
	if tool == "go" {
		arg = "version"
	}
	out, _ := exec.Command(tool, arg).CombinedOutput()
	versions.Store(tool, string(out))
	return string(out)
}

// cacheDir makes the cache. A directory of that name that belongs to somebody
// else could hold anything, so it is refused: tests run as root.
func cacheDir() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("latch-testprogs-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return "", err
	}
	fi, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !fi.IsDir() || !ok || int(st.Uid) != os.Getuid() || fi.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a directory that only this user can write", dir)
	}
	return dir, nil
}

// prune removes builds that no test has asked for in days.
func prune(cache string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && time.Since(fi.ModTime()) > 72*time.Hour {
			os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}

// filesOf returns the files directly in dir, sorted.
func filesOf(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	sort.Strings(files)
	return files, nil
}
