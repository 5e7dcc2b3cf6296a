package config

import "github.com/opsgen/opsgen/generator/document"

// Parse reads syncer.yaml: strictly, with defaults filled in, and valid. The error is document.Problems, all problems at
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
