// Checks a log of Poort's with an implementation that shares nothing with it: Go's own, which guards the Go module database.
//
// usage: audit DIRECTORY VERIFIER-KEY
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if len(os.Args) != 3 {
		fail("usage: audit DIRECTORY VERIFIER-KEY")
	}
	entries, retired, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fail(err)
	}
	fmt.Printf("%d entries\n", entries)
	if retired > 0 {
		fmt.Printf("%d of them without content: whether that was their time, `poort audit verify` says\n", retired)
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}

// check proves that each entry is in the tree that the checkpoint signs; how many there are, and of how many only the hash is.
func check(directory, key string) (int64, int64, error) {
	var retired int64
	tree, err := checkpoint(directory, key)
	if err != nil {
		return 0, 0, err
	}
	hashes := tlog.TileHashReader(tree, files{directory, tree.N})
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return 0, 0, err
	}
	if root != tree.Hash {
		return 0, 0, fmt.Errorf("the tiles' root is %v, and %v is signed", root, tree.Hash)
	}
	for first := int64(0); first < tree.N; first += 1 << height {
		entries, err := bundle(directory, first, tree.N)
		if err != nil {
			return 0, 0, err
		}
		for offset, entry := range entries {
			index := first + int64(offset)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return 0, 0, err
			}
			hash, gone := tombstone(entry)
			if gone {
				retired++
			} else {
				hash = tlog.RecordHash(entry)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, hash); err != nil {
				return 0, 0, fmt.Errorf("entry %d: %w", index, err)
			}
		}
	}
	return tree.N, retired, nil
}

// tombstone reads what stands in the place of an entry whose content was removed: the hash that the tree was built of.
func tombstone(entry []byte) (tlog.Hash, bool) {
	encoded, ok := strings.CutPrefix(string(entry), `{"retired":"`)
	if encoded, ok = strings.CutSuffix(encoded, `"}`); !ok {
		return tlog.Hash{}, false
	}
	hash, err := tlog.ParseHash(encoded)
	return hash, err == nil
}

func checkpoint(directory, key string) (tlog.Tree, error) {
	var tree tlog.Tree
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tree, err
	}
	text, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		return tree, err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 3 || lines[0] != verifier.Name() {
		return tree, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// files reads tiles where the C2SP tlog-tiles specification puts them; Go's own paths have the height in them too.
type files struct {
	directory string
	size      int64
}

func (files) Height() int { return height }

func (files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(f.directory, path))
		if err != nil {
			return nil, err
		}
		all[i] = bytes
	}
	return all, nil
}

// bundle reads the entries from first on, at most a full bundle of them.
func bundle(directory string, first, size int64) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(min(1<<height, size-first))}
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
	bytes, err := os.ReadFile(filepath.Join(directory, path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(bytes) >= 2 {
		length := int(binary.BigEndian.Uint16(bytes))
		if len(bytes) < 2+length {
			return nil, fmt.Errorf("%s is cut", path)
		}
		entries = append(entries, bytes[2:2+length])
		bytes = bytes[2+length:]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("%s: %d entries, not %d", path, len(entries), tile.W)
	}
	return entries, nil
}
