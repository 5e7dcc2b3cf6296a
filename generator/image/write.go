package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/bundle"
)

// Write puts resolved digests into a versions.yaml file, as a whole or not at all, and says whether it changed. Images
// that were not resolved stay as they are.
func Write(file string, resolutions []Resolution) (changed bool, err error) {
	file, err = filepath.EvalSymlinks(file)
	if err != nil {
		return false, fmt.Errorf("lock images: %w", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, fmt.Errorf("lock images: %w", err)
	}
	edited, err := Apply(text, resolutions)
	if err != nil {
		return false, fmt.Errorf("lock images in %s: %w", filepath.Base(file), err)
	}
	if bytes.Equal(text, edited) {
		return false, nil
	}
	if err := replace(file, edited); err != nil {
		return false, fmt.Errorf("lock images: %w", err)
	}
	return true, nil
}

// Apply puts resolved digests into the text of a versions.yaml: it changes or adds the digest line below the tag, and
// removes digestFrom. Every other byte stays.
func Apply(text []byte, resolutions []Resolution) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	e := editor{lines: strings.SplitAfter(string(text), "\n")}
	for _, r := range resolutions {
		if r.Err != nil || r.Digest == "" {
			continue
		}
		if err := e.lock(&root, r); err != nil {
			return nil, fmt.Errorf("image %s: %w", r.Name, err)
		}
	}
	edited := e.text()
	if err := verify(text, edited, resolutions); err != nil {
		return nil, err
	}
	return edited, nil
}

// editor collects changes to single lines; positions are those of the text that was parsed.
type editor struct {
	lines   []string
	replace map[int]string
	insert  map[int]string
	remove  map[int]bool
}

func (e *editor) lock(root *yaml.Node, r Resolution) error {
	image := root
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		image = root.Content[0]
	}
	for _, step := range []string{"images", r.Name} {
		_, image = field(image, step)
		if image == nil || image.Kind != yaml.MappingNode {
			return errors.New("versions.yaml does not have it; it may have changed in the meantime")
		}
	}
	if image.Style&yaml.FlowStyle != 0 {
		return errors.New("it is written in braces; write it with one field a line, so that opsgen can add the digest")
	}
	if key, value := field(image, "digest"); value != nil {
		if err := e.setValue(key, value, r.Digest); err != nil {
			return err
		}
	} else {
		key, value := field(image, "tag")
		if value == nil {
			return errors.New("it has no tag")
		}
		e.addBelow(key, value, "digest: "+r.Digest)
	}
	if key, value := field(image, "digestFrom"); value != nil {
		e.removeField(key)
	}
	return nil
}

// field finds a key and its value in a mapping; nil when it is not there.
func field(node *yaml.Node, name string) (key, value *yaml.Node) {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}

// setValue replaces a scalar on its line; a comment behind it stays.
func (e *editor) setValue(key, value *yaml.Node, text string) error {
	if value.Value == text {
		return nil
	}
	if value.Kind != yaml.ScalarNode || value.Line != key.Line {
		return errors.New("its digest does not stand on one line with its key; write it there")
	}
	line := e.lines[key.Line-1]
	start := value.Column - 1
	old := value.Value
	if value.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && start < len(line) {
		old = line[start:start+1] + old + line[start:start+1]
	}
	if start > len(line) || !strings.HasPrefix(line[start:], old) {
		return errors.New("its digest is written in an unusual way; write it plainly")
	}
	if e.replace == nil {
		e.replace = map[int]string{}
	}
	separator := ""
	if old == "" {
		// "digest:" alone; the value stands directly behind the colon.
		start, separator = strings.Index(line, ":")+1, " "
	}
	e.replace[key.Line] = line[:start] + separator + text + line[start+len(old):]
	return nil
}

// addBelow adds a line after a field's, with the same indentation and line ending.
func (e *editor) addBelow(key, value *yaml.Node, text string) {
	if e.insert == nil {
		e.insert = map[int]string{}
	}
	ending := "\n"
	if strings.HasSuffix(e.lines[0], "\r\n") {
		ending = "\r\n"
	}
	indent := e.lines[key.Line-1][:key.Column-1]
	e.insert[value.Line] = indent + text + ending
}

// removeField removes a field's line, and the lines of a value that goes on below it: they are indented deeper.
func (e *editor) removeField(key *yaml.Node) {
	if e.remove == nil {
		e.remove = map[int]bool{}
	}
	e.remove[key.Line] = true
	for n := key.Line + 1; n <= len(e.lines); n++ {
		line := e.lines[n-1]
		content := strings.TrimLeft(line, " ")
		if len(line)-len(content) < key.Column || strings.TrimSpace(content) == "" {
			return
		}
		e.remove[n] = true
	}
}

func (e *editor) text() []byte {
	var b bytes.Buffer
	for i, line := range e.lines {
		number := i + 1
		if replaced, found := e.replace[number]; found {
			line = replaced
		}
		if !e.remove[number] {
			b.WriteString(line)
		}
		if added, found := e.insert[number]; found {
			if line != "" && !strings.HasSuffix(line, "\n") {
				b.WriteByte('\n')
				added = strings.TrimRight(added, "\r\n")
			}
			b.WriteString(added)
		}
	}
	return b.Bytes()
}

// verify reads both texts: nothing but the locks may differ.
func verify(before, after []byte, resolutions []Resolution) error {
	var old, edited bundle.Bundle
	if err := sigsyaml.Unmarshal(before, &old); err != nil {
		return err
	}
	if err := sigsyaml.UnmarshalStrict(after, &edited); err != nil {
		return fmt.Errorf("the file is written in a way that opsgen cannot edit safely: %w", err)
	}
	for _, r := range resolutions {
		if image, found := old.Images[r.Name]; found && r.Err == nil && r.Digest != "" {
			image.Digest, image.DigestFrom = r.Digest, ""
			old.Images[r.Name] = image
		}
	}
	if !reflect.DeepEqual(old, edited) {
		names := slices.Collect(func(yield func(string) bool) {
			for name, image := range old.Images {
				if edited.Images[name] != image && !yield(name) {
					return
				}
			}
		})
		return fmt.Errorf("the file is written in a way that opsgen cannot edit safely (%s); write each image with one field a line", strings.Join(names, ", "))
	}
	return nil
}

// replace gives a file new content by renaming, with the permissions that it had.
func replace(file string, text []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".versions-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Chmod(info.Mode()&fs.ModePerm), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
