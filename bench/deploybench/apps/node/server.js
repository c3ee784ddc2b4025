// A web server that says which version it is.
const fs = require("fs");
const http = require("http");
const path = require("path");

const version = fs.readFileSync(path.join(__dirname, "VERSION"), "utf8").trim();

http
  .createServer((request, response) => response.end(`version ${version}\n`))
  .listen(8080, "0.0.0.0");
