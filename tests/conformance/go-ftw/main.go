// Runs tests in CRS's regression format by go-ftw's own code against a server on loopback, reading that server's log, and prints one JSON
// object a test: {"test", "passed", "error"}.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	schema "github.com/coreruleset/ftw-tests-schema/v2/types"
	"github.com/coreruleset/go-ftw/config"
	"github.com/coreruleset/go-ftw/ftwhttp"
	"github.com/coreruleset/go-ftw/output"
	"github.com/coreruleset/go-ftw/runner"
	"github.com/coreruleset/go-ftw/test"
	"github.com/coreruleset/go-ftw/waflog"
	"github.com/rs/zerolog"
)

type verdict struct {
	Test   string `json:"test"`
	Passed bool   `json:"passed"`
	Error  string `json:"error,omitempty"`
}

func main() {
	directory := flag.String("tests", "", "directory of *.yaml and *.yml")
	port := flag.Int("port", 0, "port on 127.0.0.1")
	log := flag.String("log", "", "the server's log")
	part := flag.Int("part", 0, "which of the parts to run, from 0")
	parts := flag.Int("parts", 1, "how many parts the tests are cut into")
	flag.Parse()
	zerolog.SetGlobalLevel(zerolog.Disabled)
	if err := run(*directory, *part, *parts, settings(*port, *log)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func settings(port int, log string) *config.FTWConfiguration {
	address := "127.0.0.1"
	settings := config.NewDefaultConfig()
	settings.WithLogfile(log)
	settings.TestOverride.Overrides.DestAddr = &address
	settings.TestOverride.Overrides.Port = &port
	return settings
}

func run(directory string, part, parts int, settings *config.FTWConfiguration) error {
	files, err := test.GetTestsFromFiles(directory + "/**/*.y*ml")
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for place, file := range files {
		if place%parts != part {
			continue
		}
		for _, one := range file.Tests {
			if err := out.Encode(judge(settings, file, one)); err != nil {
				return err
			}
		}
	}
	return nil
}

// judge runs one test by itself: go-ftw ends a whole run when a connection breaks where that is not expected.
func judge(settings *config.FTWConfiguration, file *test.FTWTest, one schema.Test) verdict {
	context, err := context(settings)
	if err == nil {
		defer context.LogLines.Cleanup()
		alone := *file
		alone.Tests = []schema.Test{one}
		err = runner.RunTest(context, &alone)
	}
	said := verdict{Test: one.IdString(), Passed: err == nil && len(context.Stats.Success) == 1}
	if err != nil {
		said.Error = err.Error()
	}
	return said
}

func context(settings *config.FTWConfiguration) (*runner.TestRunContext, error) {
	lines, err := waflog.NewFTWLogLines(settings)
	if err != nil {
		return nil, err
	}
	patience := ftwhttp.NewClientConfig()
	patience.ReadTimeout = 10 * time.Second
	client, err := ftwhttp.NewClient(patience)
	if err != nil {
		return nil, err
	}
	return &runner.TestRunContext{
		Config:       settings,
		RunnerConfig: &runner.RunnerConfig{},
		Output:       output.NewOutput("quiet", os.Stderr),
		Stats:        runner.NewRunStats(),
		Client:       client,
		LogLines:     lines,
	}, nil
}
