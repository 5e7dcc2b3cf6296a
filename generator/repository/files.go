package repository

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/tenant"
)

// place is a folder of a tenant with files of one kind.
type place struct {
	// folder is its path below the tenant's, and ending what all of its files end with.
	folder, ending string
	files          *map[string]string
	// inner are the names of folders in it that are places of their own.
	inner []string
	// folders says that files may be in folders one level deep.
	folders bool
}

// filesLoader reads what is beside one tenant.yaml, within bounds.
type filesLoader struct {
	root     *os.Root
	folder   string
	total    int
	problems document.Problems
}

// loadFiles reads the files of a tenant. Everything in the folder is either read or named in a problem, as an unknown
// field is: a rule in a misspelt folder would never fire.
func loadFiles(root *os.Root, folder string) (tenant.Files, document.Problems) {
	l := &filesLoader{root: root, folder: folder}
	var files tenant.Files
	places := []place{
		{folder: tenant.RulesFolder, ending: ".yaml", files: &files.Rules, inner: []string{"logs", "tests"}},
		{folder: tenant.LogRulesFolder, ending: ".yaml", files: &files.LogRules},
		{folder: tenant.RuleTestsFolder, ending: ".yaml", files: &files.RuleTests},
		{folder: tenant.TemplatesFolder, ending: ".tmpl", files: &files.Templates},
		{folder: tenant.DashboardsFolder, ending: ".json", files: &files.Dashboards, folders: true},
	}
	known := []string{tenant.FileName, tenant.AlertmanagerFile}
	for _, p := range places {
		if !strings.Contains(p.folder, "/") {
			known = append(known, p.folder+"/")
		}
	}
	for _, entry := range l.entries(".") {
		name := entry.Name()
		isFile, isFolder := slices.Contains(known, name), slices.Contains(known, name+"/")
		switch {
		case name == tenant.FileName: // read already
		case isFile && entry.IsDir():
			l.fail(name, "", "is a folder, and must be a file")
		case isFolder && entry.Type().IsRegular():
			l.fail(name, "", "is a file, and must be a folder")
		case isFile:
			files.Alertmanager = l.text(name, entry)
		case !isFolder:
			l.unknown(name, entry.IsDir(), known)
		}
	}
	for _, p := range places {
		l.place(p)
	}
	l.bounds(files)
	return files, l.problems
}

// maxEntries bounds what is listed of one folder.
const maxEntries = 10 * tenant.MaxFiles

// entries are a folder's, sorted, but for hidden files and notes in Markdown; none when it is not there.
func (l *filesLoader) entries(folder string) []fs.DirEntry {
	dir, err := l.root.Open(path.Join(l.folder, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var entries []fs.DirEntry
	if err == nil {
		defer dir.Close() //nolint:errcheck // it was only read
		entries, err = dir.ReadDir(maxEntries + 1)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.fail(folder, "", "cannot be read: %s", reason(err))
		return nil
	}
	if len(entries) > maxEntries {
		l.fail(folder, "", "the folder has more than %d entries", maxEntries)
		return nil
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return slices.DeleteFunc(entries, func(entry fs.DirEntry) bool {
		return strings.HasPrefix(entry.Name(), ".") || entry.Type().IsRegular() && strings.HasSuffix(entry.Name(), ".md")
	})
}

// place reads the files of one place.
func (l *filesLoader) place(p place) {
	info, err := l.root.Lstat(path.Join(l.folder, p.folder))
	if err != nil || !info.IsDir() {
		if err == nil && !info.Mode().IsRegular() {
			l.problems = append(l.problems, irregular(path.Join(l.folder, p.folder), info.Mode()))
		}
		return
	}
	for _, entry := range l.entries(p.folder) {
		name := entry.Name()
		switch {
		case entry.IsDir() && slices.Contains(p.inner, name):
		case entry.IsDir() && p.folders && l.legal(p, name):
			for _, inner := range l.entries(path.Join(p.folder, name)) {
				l.file(p, path.Join(name, inner.Name()), inner)
			}
		case entry.IsDir():
			var known []string
			for _, inner := range p.inner {
				known = append(known, inner+"/")
			}
			l.unknown(path.Join(p.folder, name), true, append(known, "*"+p.ending))
		default:
			l.file(p, name, entry)
		}
	}
	if len(*p.files) > tenant.MaxFiles {
		l.fail(p.folder, "Put several of them into one file, or leave out what nobody uses.", "there are %d files; at most %d are read", len(*p.files), tenant.MaxFiles)
	}
}

// file reads one file of a place.
func (l *filesLoader) file(p place, name string, entry fs.DirEntry) {
	full := path.Join(p.folder, name)
	base := entry.Name()
	switch {
	case entry.IsDir():
		l.fail(full, "Move its files one folder up.", "Grafana's folders are one level deep, so that nothing in this one is read")
		return
	case !entry.Type().IsRegular():
		l.problems = append(l.problems, irregular(path.Join(l.folder, full), entry.Type()))
		return
	case !strings.HasSuffix(base, p.ending) || base == p.ending:
		hint := "Files here end with " + p.ending + "."
		others := []string{".yml", ".YAML", ".YML", ".JSON", ".tpl", ".gotmpl"}
		if stem := strings.TrimSuffix(base, path.Ext(base)); stem != "" && slices.Contains(others, path.Ext(base)) {
			hint = fmt.Sprintf("Rename it to %s.", stem+p.ending)
		}
		l.fail(full, hint, "opsgen does not read this file")
		return
	case !l.legal(p, base):
		return
	}
	if *p.files == nil {
		*p.files = map[string]string{}
	}
	(*p.files)[name] = l.text(full, entry)
}

// plainName is what rule files and templates may be called: their names are keys of ConfigMaps, and names of rule
// namespaces in Cortex and Loki.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][-._A-Za-z0-9]*$`)

// maxFileName leaves room for what is put around a name: 253 characters are an object's.
const maxFileName = 100

// legal says whether a file or folder may be called so. Grafana expands variables in names of folders.
func (l *filesLoader) legal(p place, name string) bool {
	wrong := ""
	switch {
	case len(name) > maxFileName:
		wrong = fmt.Sprintf("the name has %d bytes; use at most %d", len(name), maxFileName)
	case p.folders && (strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) || strings.ContainsAny(name, `$\`) || !utf8.ValidString(name)):
		wrong = "the name has a character that cannot be printed, a dollar sign or a backslash"
	case p.folders && name == "opsgen":
		wrong = "the folder opsgen is that of the dashboards which every tenant gets; choose another name"
	case !p.folders && !plainName.MatchString(name):
		wrong = "the name may have letters of a to z, digits, hyphens, dots and underscores only, a letter or digit first"
	}
	if wrong == "" {
		return true
	}
	l.fail(path.Join(p.folder, name), "", "%s", wrong)
	return false
}

// text reads a file, unless it is too large.
func (l *filesLoader) text(name string, entry fs.DirEntry) string {
	if !entry.Type().IsRegular() {
		l.problems = append(l.problems, irregular(path.Join(l.folder, name), entry.Type()))
		return ""
	}
	info, err := entry.Info()
	if err == nil && info.Size() > tenant.MaxTotal {
		l.fail(name, "", "the file has %d bytes; at most %d are read", info.Size(), tenant.MaxFile)
		return ""
	}
	var data []byte
	if err == nil {
		data, err = l.root.ReadFile(path.Join(l.folder, name))
	}
	if err != nil {
		l.fail(name, "", "cannot be read: %s", reason(err))
		return ""
	}
	size := len(data)
	if strings.HasSuffix(name, ".json") && size > tenant.MaxFile {
		size = compacted(data)
	}
	switch {
	case size > tenant.MaxFile:
		l.fail(name, "Split it.", "the file has %d bytes; at most %d fit into a ConfigMap", size, tenant.MaxFile)
		return ""
	case size == 0:
		l.fail(name, "Write something into it, or delete it.", "the file is empty")
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		l.fail(name, "Save it as UTF-8.", "the file is not UTF-8 text")
		return ""
	}
	l.total += len(data)
	return string(data)
}

// compacted is the size of a JSON text without its spaces; of another text, its size.
func compacted(data []byte) int {
	var small bytes.Buffer
	if err := json.Compact(&small, data); err != nil {
		return len(data)
	}
	return small.Len()
}

// bounds checks what the files are together.
func (l *filesLoader) bounds(files tenant.Files) {
	alerting := len(files.Alertmanager)
	for _, text := range files.Templates {
		alerting += len(text)
	}
	if alerting > tenant.MaxFile {
		l.fail(tenant.AlertmanagerFile, "", "it has %d bytes with its templates; at most %d fit into a ConfigMap", alerting, tenant.MaxFile)
	}
	if files.Alertmanager == "" && len(files.Templates) > 0 && !l.failed(tenant.AlertmanagerFile) {
		l.fail(tenant.TemplatesFolder, "Write "+tenant.AlertmanagerFile+", or delete the folder.",
			"there are templates, but no %s that uses them", tenant.AlertmanagerFile)
	}
	if l.total > tenant.MaxTotal {
		l.fail("", "", "the tenant's files have %d bytes in all; at most %d are read", l.total, tenant.MaxTotal)
	}
}

func (l *filesLoader) failed(name string) bool {
	return slices.ContainsFunc(l.problems, func(p document.Problem) bool { return p.File == path.Join(l.folder, name) })
}

// unknown names what nobody reads.
func (l *filesLoader) unknown(name string, folder bool, known []string) {
	word := path.Base(name)
	if folder {
		word += "/"
	}
	l.fail(name, document.Suggest(word, known, "What is read here: "), "opsgen does not read this %s", map[bool]string{true: "folder", false: "file"}[folder])
}

func (l *filesLoader) fail(name, hint, format string, args ...any) {
	l.problems = append(l.problems, document.Problem{File: path.Join(l.folder, name), Message: fmt.Sprintf(format, args...), Hint: hint})
}
