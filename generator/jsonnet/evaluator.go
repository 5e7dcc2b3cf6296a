package jsonnet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	gojsonnet "github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/document"
)

// Sources opens a declared source by its name in versions.yaml.
type Sources func(name string) (fs.FS, error)

// Evaluator evaluates files below one root folder. It parses every imported file once and keeps it, so one evaluator
// serves many evaluations of unchanged files; it must not be used by two goroutines at a time.
type Evaluator struct {
	vm      *gojsonnet.VM
	root    string
	sources Sources
	// allowed are the sources that the component under evaluation declares.
	allowed []string
	// parsed keeps the documents of sources, which are the same in every evaluation.
	parsed map[string]any
	// failed is why a source could not be opened. The library would pass on no more than the first line of its text.
	failed   error
	importer *importer
}

// maxStack bounds recursion, so that an endless one is an error and not a full memory.
const maxStack = 400

// New makes an evaluator for the repository at root.
func New(root string, sources Sources) *Evaluator {
	e := &Evaluator{
		vm: gojsonnet.MakeVM(), root: root, sources: sources, parsed: map[string]any{},
		importer: &importer{root: root, files: map[string]gojsonnet.Contents{}},
	}
	e.vm.MaxStack = maxStack
	e.vm.SetTraceOut(os.Stderr)
	e.vm.Importer(e.importer)
	e.vm.ErrorFormatter.SetMaxStackTraceSize(6)
	e.vm.NativeFunction(&gojsonnet.NativeFunction{
		Name:   "source",
		Params: ast.Identifiers{"name", "path"},
		Func:   e.source,
	})
	e.vm.NativeFunction(overridesFunction())
	return e
}

// Evaluate calls the function that file (relative to the root, with slashes) yields with arguments in JSON, and
// returns the result as JSON. allowed are the sources that it may read. The error is document.Problems for a mistake in
// the file or what it imports; a source that cannot be opened gives the error of Sources.
func (e *Evaluator) Evaluate(file string, arguments map[string]string, allowed []string) ([]byte, error) {
	e.allowed, e.failed = allowed, nil
	e.vm.TLAReset()
	for name, code := range arguments {
		e.vm.TLACode(name, code)
	}
	text, err := e.vm.EvaluateFile(file)
	if err != nil {
		if e.failed != nil {
			return nil, e.failed
		}
		return nil, e.describe(file, err)
	}
	return []byte(text), nil
}

// Dependencies are the files that file imports, directly or not, relative to the root and sorted, itself included.
func (e *Evaluator) Dependencies(file string) ([]string, error) {
	found, err := e.vm.FindDependencies("", []string{file})
	if err != nil {
		return nil, e.describe(file, err)
	}
	files := []string{file}
	for _, name := range found {
		// FindDependencies answers with absolute paths, whatever the importer's names are.
		if rel, err := filepath.Rel(workingFolder(), name); err == nil {
			name = filepath.ToSlash(rel)
		}
		files = append(files, name)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

func workingFolder() string {
	dir, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return dir
}

// place is where an error stands: "file:3:5-9" or, over several lines, "file:(3:5)-(4:1)".
var place = regexp.MustCompile(`^\s*(\S+?):\(?([0-9]+):([0-9]+)\)?(?:-\S*)?\s*(.*)$`)

// describe turns the library's error into a problem with its place, followed by where it was called from. file is the
// place of an error that has none, such as a missing parameter.
func (e *Evaluator) describe(file string, err error) error {
	lines := strings.Split(strings.TrimPrefix(err.Error(), "RUNTIME ERROR: "), "\n")
	p := document.Problem{Message: strings.TrimSpace(lines[0])}
	var places []string
	for i, line := range lines {
		m := place.FindStringSubmatch(line)
		if m == nil {
			if i > 0 && p.File == "" && strings.TrimSpace(line) != "" { // the message goes on
				p.Message += "\n  " + strings.TrimSpace(line)
			}
			continue
		}
		if i == 0 { // a syntax error begins with its place
			p.Message = m[4]
		}
		if p.File == "" {
			p.File = m[1]
			p.Line, _ = strconv.Atoi(m[2])
			p.Column, _ = strconv.Atoi(m[3])
		}
		if at := m[1] + ":" + m[2] + ":" + m[3]; !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	if p.File == "" {
		p.File = file
	}
	if contents, ok := e.importer.files[p.File]; ok && p.Line > 0 {
		p.Excerpt = document.Excerpt(strings.Split(contents.String(), "\n"), p.Line)
	}
	if len(places) > 1 {
		p.Hint = "called from " + strings.Join(places[1:], ", ")
	}
	return document.Problems{p}
}

// source is the native function: the YAML documents of a file, or of all *.yaml files of a folder in the order of their
// names.
func (e *Evaluator) source(arguments []any) (any, error) {
	name, ok := arguments[0].(string)
	file, ok2 := arguments[1].(string)
	if !ok || !ok2 {
		return nil, errors.New("source takes the name of a source and a path inside it, both texts")
	}
	if !slices.Contains(e.allowed, name) {
		return nil, fmt.Errorf("source %q is not declared; add it to sources in the component's component.yaml", name)
	}
	key := name + "\x00" + file
	if documents, ok := e.parsed[key]; ok {
		return documents, nil
	}
	tree, err := e.sources(name)
	if err != nil {
		e.failed = err
		return nil, err
	}
	documents, err := readDocuments(tree, path.Clean(file))
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", name, err)
	}
	e.parsed[key] = documents
	return documents, nil
}

func readDocuments(tree fs.FS, file string) (any, error) {
	info, err := fs.Stat(tree, file)
	if err != nil {
		return nil, fmt.Errorf("%s: there is no such file or folder in this source", file)
	}
	names := []string{file}
	if info.IsDir() {
		if names, err = fs.Glob(tree, file+"/*.yaml"); err != nil {
			return nil, err
		}
	}
	all := []any{}
	for _, name := range names {
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		documents, err := parseYAML(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, documents...)
	}
	return all, nil
}

// parseYAML splits a file into its documents; empty ones are left out.
func parseYAML(data []byte) ([]any, error) {
	var documents []any
	reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		var value any
		if err := sigsyaml.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		if value != nil {
			documents = append(documents, value)
		}
	}
}
