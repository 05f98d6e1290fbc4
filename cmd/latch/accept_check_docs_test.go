package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/latchprof/latch/internal/testutil"
)

// ciDoc is docs/ci.md: its blocks of YAML, and the shell lines of the text.
func ciDoc(t *testing.T) (blocks, lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split(string(text), "```yaml\n") {
		if i > 0 {
			block, _, _ = strings.Cut(block, "```")
			blocks = append(blocks, block)
		}
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "    $ "); ok {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	return blocks, lines
}

// shell runs a script of the documentation in the module.
func shell(t *testing.T, dir, script string) (code int, out string) {
	t.Helper()
	cmd := scripted(t, script)
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "GITHUB_BASE_REF=main", "GIT_CONFIG_GLOBAL=/dev/null")
	l := startTool(t, cmd)
	return l.wait(), l.stdout.String() + l.said()
}

// scripted is a script of the documentation, with latch as the only thing that
// was installed, and sudo as one who is root already needs it.
func scripted(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(latchPath(t), filepath.Join(bin, "latch")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\nshift\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-e", "-c", script)
	cmd.Env = append(offGitHub(), "PATH="+bin+":"+os.Getenv("PATH"))
	return cmd
}

// git runs git in a directory.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=latch", "-c", "user.email=latch@localhost"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// documented is a module in a repository, whose test makes enough calls for the
// documentation's budget.
func documented(t *testing.T, budget string) string {
	t.Helper()
	testutil.Need(t, "git")
	origin := goModule(t, false)
	path := filepath.Join(origin, "cart", "cart_test.go")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	quick := strings.NewReplacer("range 53", "range 307", "\t\tPrice(\"slow\")\n", "").Replace(string(text))
	for path, text := range map[string]string{path: quick, filepath.Join(origin, "budget.yaml"): budget} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, origin, "init", "-q", "-b", "main")
	git(t, origin, "add", "-A")
	git(t, origin, "commit", "-q", "-m", "shop")
	dir := filepath.Join(t.TempDir(), "work")
	git(t, origin, "clone", "-q", origin, dir)
	return dir
}

// TestCIDocs runs the commands of docs/ci.md as they stand: on a module that
// keeps its budget they pass, and where prices have become slow they fail.
func TestCIDocs(t *testing.T) {
	testutil.NeedRoot(t)
	blocks, lines := ciDoc(t)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of YAML: a budget, GitHub and GitLab are expected", len(blocks))
	}
	var github struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	var gitlab map[string]struct {
		Script    []string
		Artifacts struct {
			Reports map[string]string
		}
	}
	for i, into := range []any{&github, &gitlab} {
		if err := yaml.Unmarshal([]byte(blocks[i+1]), into); err != nil {
			t.Fatal(err)
		}
	}
	type script struct {
		text  string
		files []string
	}
	scripts := map[string]script{}
	for _, step := range github.Jobs["latency"].Steps {
		if strings.Contains(step.Run, "latch check") {
			scripts["GitHub, "+step.Name] = script{step.Run, nil}
		}
	}
	job := gitlab["latency"]
	lab := script{text: job.Script[len(job.Script)-1]}
	for _, file := range job.Artifacts.Reports {
		lab.files = append(lab.files, file)
	}
	scripts["GitLab"] = lab
	var own []string
	for _, line := range lines {
		if strings.HasPrefix(line, "latch check -f budget.yaml") {
			own = append(own, line)
		}
	}
	scripts["own machine"] = script{strings.Join(own, "\n"), []string{"main.json"}}
	if len(scripts) != 4 || len(lab.files) != 2 || len(own) != 2 {
		t.Fatalf("scripts: %v", scripts)
	}
	for name, s := range scripts {
		t.Run(name, func(t *testing.T) {
			dir := documented(t, blocks[0])
			code, out := shell(t, dir, s.text)
			if code != exitOK || !strings.Contains(out, "the check passes") {
				t.Errorf("ended with %d:\n%s", code, out)
			}
			for _, file := range s.files {
				if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
					t.Errorf("%s: %v", file, err)
				}
			}
		})
	}
	t.Run("slower", func(t *testing.T) {
		dir := documented(t, blocks[0])
		path := filepath.Join(dir, "cart", "cart.go")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		slower := strings.NewReplacer("\"slow\"", "\"tea\"", "30 *", "15 *").Replace(string(text))
		if err := os.WriteFile(path, []byte(slower), 0o644); err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(github.Jobs["latency"].Steps, func(s struct{ Name, Run string }) bool { return strings.Contains(s.Run, "--runs 5") })
		code, out := shell(t, dir, github.Jobs["latency"].Steps[at].Run)
		if code != exitBroken || strings.Count(out, "\n  fail ") != 1 || !strings.Contains(out, "prices stay as fast") {
			t.Errorf("ended with %d:\n%s", code, out)
		}
	})
}
