package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"opsgen": main})
}

// TestScripts runs the stories in testdata/script: opsgen as people use it, in a process of its own. Each story begins
// in a copy of testdata/repository, over which its own files are laid, with an empty cache, without network, and with a
// module proxy that has one chart.
func TestScripts(t *testing.T) {
	modules := moduleProxy(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		Setup:              func(env *testscript.Env) error { return prepare(env, modules) },
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        exits,
			"shows":        shows,
			"replace":      replace,
			"append":       appendTo,
			"remember":     remember,
			"unchanged":    unchanged,
			"same":         same,
			"json":         checkJSON,
			"validate":     validate,
			"registry":     startRegistry,
			"unprivileged": unprivileged,
			"interrupted":  interrupted,
			"killed":       killed,
			"crowd":        crowd,
			"alone":        alone,
			"clone":        clone,
			"busy":         busy,
			"mode":         mode,
		},
	})
}

// prepare makes a story's repository. Files that the story brings itself stay.
func prepare(env *testscript.Env, modules string) error {
	work := env.WorkDir
	env.Setenv("HOME", filepath.Join(work, ".home"))
	env.Setenv("XDG_CACHE_HOME", filepath.Join(work, ".cache"))
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(work, ".config"))
	env.Setenv("GOPROXY", "file://"+filepath.ToSlash(modules))
	env.Setenv("GOSUMDB", "off")
	env.Setenv("GOENV", "off")
	// A folder that is in no repository: private keys go there.
	outside, err := os.MkdirTemp("", "outside-")
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(outside) })
	env.Setenv("OUTSIDE", outside)
	real, err := filepath.Abs("../../..")
	if err != nil {
		return err
	}
	env.Setenv("REPOSITORY", real)
	return copyMissing("testdata/repository", work)
}

func copyMissing(from, to string) error {
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if _, err := os.Lstat(target); err == nil {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// moduleProxy makes a folder that GOPROXY can name, with testdata/charts as the module example.com/charts v1.0.0.
func moduleProxy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	versions := filepath.Join(dir, "example.com", "charts", "@v")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := modzip.CreateFromDir(&archive, module.Version{Path: "example.com/charts", Version: "v1.0.0"}, "testdata/charts"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(versions, "v1.0.0.zip"), archive.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exits CODE COMMAND... runs a command that must end with exactly this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	wantExit(ts, args[0], ts.Exec(args[1], args[2:]...))
}

// seconds are the one thing in the output that differs from run to run.
var seconds = regexp.MustCompile(`(?m)\b[0-9]+\.[0-9]+ s$`)

// shows FILE asks that stdout is exactly a file, in which "N s" stands for any number of seconds.
func shows(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: shows FILE")
	}
	got := seconds.ReplaceAllString(ts.ReadFile("stdout"), "N s")
	if diff := cmp.Diff(ts.ReadFile(args[0]), got); diff != "" {
		ts.Fatalf("stdout is not %s (-want +got):\n%s\n%s", args[0], diff, got)
	}
}

func wantExit(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got := fmt.Sprint(code); got != want {
		ts.Fatalf("exit code %s, want %s", got, want)
	}
}

// replace OLD NEW FILE replaces every OLD in a file; there must be one.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: replace OLD NEW FILE")
	}
	text := ts.ReadFile(args[2])
	if !strings.Contains(text, args[0]) {
		ts.Fatalf("%s does not contain %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.ReplaceAll(text, args[0], args[1])), 0o644))
}

// append LINE FILE adds a line to a file.
func appendTo(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: append LINE FILE")
	}
	text := ts.ReadFile(args[1])
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text+args[0]+"\n"), 0o644))
}

// mode PERMISSIONS FILE asks for a file's permissions, in octal.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode PERMISSIONS FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has the permissions %s, want %s", args[1], got, args[0])
	}
}
