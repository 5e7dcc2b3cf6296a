package sbom

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Module is a Go module that a program of ours is built from.
type Module struct {
	// Path and Version name it; Sum is its checksum as in go.sum, empty where it is not known.
	Path, Version, Sum string
	// Indirect says that our own code does not import it. It is not known of modules of a program.
	Indirect bool
}

// ReadModules lists what go.mod in a folder requires: all that any program of the repository may be built from. A folder
// without go.mod gives none.
func ReadModules(root string) ([]Module, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	if len(file.Replace) > 0 {
		return nil, fmt.Errorf("go.mod replaces %s; name the programs with --binary, which know what they are built from", file.Replace[0].Old.Path)
	}
	sums, err := readSums(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	modules := make([]Module, 0, len(file.Require))
	for _, r := range file.Require {
		modules = append(modules, Module{Path: r.Mod.Path, Version: r.Mod.Version, Sum: sums[r.Mod], Indirect: r.Indirect})
	}
	return modules, nil
}

func readSums(file string) (map[module.Version]string, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sums := map[module.Version]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	const parts = 3
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) == parts {
			sums[module.Version{Path: f[0], Version: f[1]}] = f[2]
		}
	}
	return sums, lines.Err()
}

// ReadBinaries lists the modules that are linked into programs, each once.
func ReadBinaries(files []string) ([]Module, error) {
	var modules []Module
	for _, file := range files {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s says nothing of its modules; name a program that was built by Go: %w", file, err)
		}
		for _, d := range info.Deps {
			modules = append(modules, linked(d))
		}
	}
	slices.SortFunc(modules, func(a, b Module) int { return strings.Compare(a.Path+"@"+a.Version, b.Path+"@"+b.Version) })
	return slices.Compact(modules), nil
}

func linked(d *debug.Module) Module {
	if d.Replace != nil {
		d = d.Replace
	}
	return Module{Path: d.Path, Version: d.Version, Sum: d.Sum}
}

func moduleOf(m Module) cdx.Component {
	address := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := cdx.Component{
		BOMRef: address, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, Scope: cdx.ScopeRequired, PackageURL: address,
	}
	var properties []cdx.Property
	if m.Sum != "" {
		properties = append(properties, property("sum", m.Sum))
	}
	if m.Indirect {
		properties = append(properties, property("indirect", "true"))
	}
	if properties != nil {
		c.Properties = &properties
	}
	return c
}

// UsedImages are the names of those images that files of a rendered tree refer to.
func UsedImages(dir string, references map[string]string) ([]string, error) {
	used := map[string]bool{}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	err = fs.WalkDir(root.FS(), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".yaml" {
			return err
		}
		text, err := root.ReadFile(file)
		for name, reference := range references {
			if !used[name] && refers(text, reference) {
				used[name] = true
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(used))
	for name := range used {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// refers says that a text holds a reference, and not a longer one, as "cortex:1.0.0" in "cortex:1.0.0-rc.1".
func refers(text []byte, reference string) bool {
	for {
		i := bytes.Index(text, []byte(reference))
		if i < 0 {
			return false
		}
		text = text[i+len(reference):]
		if len(text) == 0 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", rune(text[0])) {
			return true
		}
	}
}
