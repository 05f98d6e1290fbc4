// Package web holds the page that package report fills in: its frame, its style
// and script as they are built from src, and the notices of the libraries in it.
package web

import _ "embed"

// Page is the page without what is particular to a recording. Names in double
// braces stand for what is put in: title, policy, style, data, script, notices.
//
//go:embed page.html
var Page string

// Style is the page's style sheet.
//
//go:embed dist/page.css
var Style string

// Script is the page's script. It reads the data from the element "data".
//
//go:embed dist/page.js
var Script string

// Notices are the copyright notices and licences of the libraries in Script.
//
//go:embed dist/notices.txt
var Notices string
