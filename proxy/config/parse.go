package config

import "github.com/opsgen/opsgen/generator/document"

// Parse reads proxy.yaml: strictly, with defaults filled in, and valid. The error is document.Problems, all problems at
// once; it names the file FileName.
func Parse(data []byte) (Config, error) {
	var c Config
	doc, err := document.Decode(FileName, data, &c)
	if doc == nil {
		return Config{}, err
	}
	c.SetDefaults()
	if err := document.All(err, c.problems(doc)); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Validate reports everything that is wrong with a configuration that was not read from a file. Defaults must be set.
func (c *Config) Validate() error { return c.problems(&document.Document{File: FileName}).Err() }

// ParseTenants reads tenants.yaml strictly, or several such files that are one list together. The error is
// document.Problems, all problems at once; it names the file TenantsFileName. Limits that are left out stay 0:
// TenantLimits.Or fills them.
func ParseTenants(files ...[]byte) (Tenants, error) {
	var all Tenants
	for _, data := range files {
		var t Tenants
		doc, err := document.Decode(TenantsFileName, data, &t)
		if doc == nil {
			return Tenants{}, err
		}
		if err := document.All(err, t.problems(doc)); err != nil {
			return Tenants{}, err
		}
		all.Tenants, all.Callers = append(all.Tenants, t.Tenants...), append(all.Callers, t.Callers...)
	}
	if len(files) > 1 { // what is right alone may be in two files
		if err := all.Validate(); err != nil {
			return Tenants{}, err
		}
	}
	return all, nil
}

// Validate reports everything that is wrong with a list of tenants that was not read from a file.
func (t *Tenants) Validate() error {
	return t.problems(&document.Document{File: TenantsFileName}).Err()
}
