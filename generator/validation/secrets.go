package validation

import (
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/repository"
)

// maxScanned bounds the files that are searched for secrets; what people write by hand is smaller.
const maxScanned = 4 << 20

// secretsInClusters searches what people write beside cluster.yaml: patches, and the clusters' own files. Tenants' files
// are searched with their tenant. A file that cannot be read is another check's matter.
func secretsInClusters(root string, repo *repository.Repository) []Finding {
	var findings []Finding
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil
	}
	defer dir.Close() //nolint:errcheck // it was only read
	for _, name := range repo.ClusterNames {
		_ = fs.WalkDir(dir.FS(), "clusters/"+name, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil //nolint:nilerr // reading the repository says it
			case entry.IsDir() && strings.HasSuffix(path.Base(file), "rendered"):
				return fs.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			if info, err := entry.Info(); err != nil || info.Size() > maxScanned {
				return nil //nolint:nilerr // as above
			}
			data, err := fs.ReadFile(dir.FS(), file)
			if err != nil {
				return nil //nolint:nilerr // as above
			}
			for _, p := range alerting.Literals(file, data) {
				findings = append(findings, Finding{Severity: Error, About: Secrets, Problem: p})
			}
			return nil
		})
	}
	return findings
}
