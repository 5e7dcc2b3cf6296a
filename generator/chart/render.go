package chart

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	"github.com/opsgen/opsgen/generator/object"
)

// Request says which chart to render and how.
type Request struct {
	// FS holds the chart in the folder Path ("." for a source that is the chart).
	FS   fs.FS
	Path string
	// Sum identifies FS's content; charts of the same Sum and Path are loaded once by a Renderer. Empty loads anew.
	Sum string
	// Version replaces the chart's own version and appVersion where they are the placeholder that repositories hold
	// before a release ("v0.0.0"). With or without a leading v.
	Version string
	// Release and Namespace are Helm's release name and namespace.
	Release, Namespace string
	// Values are the user's values: JSON types only. They are not changed.
	Values map[string]any
	// KubernetesVersion is the minor that the chart believes to run on ("1.36").
	KubernetesVersion string
	// KeepHooks are hook objects to keep, as "Kind/name"; the others are dropped.
	KeepHooks []string
	// KeepDefinitions keeps CustomResourceDefinitions that templates make. The crds folder is never read.
	KeepDefinitions bool
	// AllowFunctions are functions to permit although they make renders differ.
	AllowFunctions []string
	// Origin is the source's name, for messages and for the origin of objects.
	Origin string
}

// Result is what a chart made.
type Result struct {
	// Objects are in the order of template files and, within a file, as written. Their origin is
	// "<Request.Origin>/<Path>/<template>".
	Objects []object.Object
	// Dropped says in one sentence each what was left out, or will not work as the chart expects.
	Dropped []string
}

// Renderer renders charts and remembers the files of those that it has loaded. Its methods may be called by several
// goroutines: no render sees another one's changes. The zero value is ready.
type Renderer struct {
	files fileCache
}

// Render renders one chart without remembering it.
func Render(request Request) (Result, error) { return new(Renderer).Render(request) }

// Render renders one chart. The error names the chart, and the template and line where one is at fault.
func (r *Renderer) Render(request Request) (Result, error) {
	result, err := r.render(request)
	if err != nil {
		return Result{}, fmt.Errorf("chart %s: %w", path.Join(request.Origin, request.Path), err)
	}
	return result, nil
}

func (r *Renderer) render(request Request) (Result, error) {
	files, err := r.files.load(request)
	if err != nil {
		return Result{}, err
	}
	first, err := execute(request, files, false)
	if err != nil {
		return Result{}, err
	}
	if first.unstable {
		second, err := execute(request, files, true)
		if err != nil {
			return Result{}, err
		}
		if file, differs := difference(first.manifests, second.manifests); differs {
			return Result{}, fmt.Errorf("%s is different at a second render; the chart goes over a map in random order, or makes text at random. Give the value that changes in chart.jsonnet",
				file)
		}
	}
	objects, dropped, err := readObjects(request, first.name, first.manifests)
	if err != nil {
		return Result{}, err
	}
	return Result{Objects: objects, Dropped: append(first.reports, dropped...)}, nil
}

// execution is one run of the template engine.
type execution struct {
	// name is the chart's own name, which begins every template's name.
	name      string
	manifests map[string]string
	reports   []string
	// unstable says that another run might give another text.
	unstable bool
}

// execute loads the chart anew from its files: Helm changes a chart while it renders it. What was checked the first time
// is not checked again.
func execute(request Request, files []*loader.BufferedFile, again bool) (execution, error) {
	chart, err := loader.LoadFiles(files)
	if err != nil {
		return execution{}, fmt.Errorf("load: %w", err)
	}
	if err := checkInstallable(chart, request); err != nil {
		return execution{}, err
	}
	setVersion(chart.Metadata, request.Version)
	withoutNotes(chart)
	values, err := copyValues(request.Values)
	if err != nil {
		return execution{}, fmt.Errorf("values: %w", err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(chart, values); err != nil {
		return execution{}, fmt.Errorf("dependencies: %w", err)
	}
	if err := checkDependencies(chart); err != nil {
		return execution{}, err
	}
	scope, reports, err := renderValues(chart, values, request, again)
	if err != nil {
		return execution{}, err
	}
	result := execution{name: chart.Name()}
	if !again {
		found, err := inspect(chart, scope["Values"], request.AllowFunctions)
		if err != nil {
			return execution{}, err
		}
		result.reports, result.unstable = append(reports, found.reports...), found.unstable
	}
	result.manifests, err = engine.Engine{}.Render(chart, scope)
	return result, err
}

// copyValues gives Helm what it expects: a copy whose numbers are floats, as it reads them from YAML itself.
func copyValues(values map[string]any) (map[string]any, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	result := map[string]any{}
	if err := json.Unmarshal(text, &result); err != nil {
		return nil, err
	}
	if result == nil {
		result = map[string]any{}
	}
	return result, nil
}

// checkInstallable finds what Helm would refuse at installation.
func checkInstallable(chart *helm.Chart, request Request) error {
	if strings.EqualFold(chart.Metadata.Type, "library") {
		return fmt.Errorf("it is a library chart, which makes no objects")
	}
	if err := chartutil.ValidateReleaseName(request.Release); err != nil {
		return fmt.Errorf("release name %q: %w", request.Release, err)
	}
	version, err := kubeVersion(request.KubernetesVersion)
	if err != nil {
		return err
	}
	if wanted := chart.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, version.Version) {
		return fmt.Errorf("it wants Kubernetes %s, and the bundle is for %s", wanted, request.KubernetesVersion)
	}
	return nil
}

func kubeVersion(minor string) (*chartutil.KubeVersion, error) {
	if strings.Count(minor, ".") == 1 {
		minor += ".0"
	}
	version, err := chartutil.ParseKubeVersion(minor)
	if err != nil {
		return nil, fmt.Errorf("Kubernetes version %q: %w", minor, err)
	}
	return version, nil
}

// setVersion fills in a placeholder.
func setVersion(metadata *helm.Metadata, version string) {
	const placeholder = "0.0.0"
	if version == "" {
		return
	}
	if strings.TrimPrefix(metadata.Version, "v") == placeholder {
		metadata.Version = version
	}
	if strings.TrimPrefix(metadata.AppVersion, "v") == placeholder {
		metadata.AppVersion = version
	}
}

// withoutNotes removes the text that Helm prints after an installation, in all subcharts too.
func withoutNotes(chart *helm.Chart) {
	var templates []*helm.File
	for _, file := range chart.Templates {
		if file != nil && path.Base(file.Name) != "NOTES.txt" {
			templates = append(templates, file)
		}
	}
	chart.Templates = templates
	for _, dependency := range chart.Dependencies() {
		withoutNotes(dependency)
	}
}

// checkDependencies finds enabled subcharts that the package does not hold; Helm would leave them out in silence.
func checkDependencies(chart *helm.Chart) error {
	held := map[string]bool{}
	for _, dependency := range chart.Dependencies() {
		held[dependency.Name()] = true
		if err := checkDependencies(dependency); err != nil {
			return err
		}
	}
	for _, wanted := range chart.Metadata.Dependencies {
		if wanted.Enabled && !held[wanted.Name] {
			return fmt.Errorf("its subchart %s is not in the package; use the chart as it was published, or disable the subchart in chart.jsonnet", wanted.Name)
		}
	}
	return nil
}

// renderValues joins the chart's values and the user's, and checks them against the chart's schemas.
func renderValues(chart *helm.Chart, values map[string]any, request Request, unchecked bool) (chartutil.Values, []string, error) {
	version, err := kubeVersion(request.KubernetesVersion)
	if err != nil {
		return nil, nil, err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	// What opsgen was built with must not show in a render.
	capabilities.HelmVersion.GitCommit, capabilities.HelmVersion.GoVersion = "", ""
	reports := withoutRemoteSchemas(chart)
	release := chartutil.ReleaseOptions{Name: request.Release, Namespace: request.Namespace, Revision: 1, IsInstall: true}
	scope, err := chartutil.ToRenderValuesWithSchemaValidation(chart, values, release, capabilities, unchecked)
	if err != nil {
		return nil, nil, schemaError(err)
	}
	return scope, reports, nil
}

// difference finds the first file that is not the same in two runs.
func difference(a, b map[string]string) (string, bool) {
	if maps.Equal(a, b) {
		return "", false
	}
	for _, file := range slices.Sorted(maps.Keys(a)) {
		if other, found := b[file]; !found || other != a[file] {
			return file, true
		}
	}
	return "the list of templates", true
}
