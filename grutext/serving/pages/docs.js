"use strict";
// Shows the OpenAPI document of the server as a page.

function element(name, className, ...content) {
  const node = document.createElement(name);
  node.className = className;
  node.append(...content);
  return node;
}

/** Return the parts of a text in which `backticks` enclose code. */
function marked(text) {
  return text.split("`").map((part, n) => (n % 2 ? element("code", "", part) : part));
}

class Document {
  constructor(openapi) {
    this.openapi = openapi;
  }

  resolve(schema) {
    return schema.$ref ? this.openapi.components.schemas[schema.$ref.split("/").at(-1)] : schema;
  }

  /** Return the type of a schema in words. */
  type(schema) {
    if (schema.$ref) return schema.$ref.split("/").at(-1);
    if (schema.anyOf) return schema.anyOf.map(part => this.type(part)).join(" or ");
    return schema.type === "array" ? `list of ${this.type(schema.items)}` : schema.type || "anything";
  }

  /** Return a table of the fields of an object; objects within it follow below. */
  fields(schema) {
    const { properties = {}, required = [] } = this.resolve(schema);
    const body = element("tbody", "");
    for (const [name, field] of Object.entries(properties)) {
      const inner = field.items && field.items.$ref ? field.items : field;
      const use = required.includes(name) ? "" : ` Default: ${JSON.stringify(field.default ?? null)}.`;
      const about = field.description || (inner.$ref && this.resolve(inner).description) || "";
      body.append(element("tr", "", element("td", "", element("code", "", name)), element("td", "", this.type(field)), element("td", "", ...marked(about + use))));
      if (inner.$ref) body.append(element("tr", "", element("td", "", ""), Object.assign(element("td", "", this.fields(inner)), { colSpan: 2 })));
    }
    const head = ["name", "type", "meaning"].map(name => Object.assign(element("th", "", name), { scope: "col" }));
    return element("div", "scrolls", element("table", "", element("thead", "", element("tr", "", ...head)), body));
  }

  example(method, path, body) {
    const lines = [`curl ${location.origin}${path}`];
    if (this.openapi.components.securitySchemes) lines.push("-H 'Authorization: Bearer TOKEN'");
    if (body) lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(body.example)}'`);
    else if (method === "post") lines.push("-X POST");
    return element("pre", "", element("code", "", lines.join(" \\\n  ")));
  }

  route(path, method, operation) {
    const parts = [
      element("h2", "", element("span", "method", method.toUpperCase()), ` ${path}`),
      ...operation.description.split("\n\n").map(paragraph => element("p", "", ...marked(paragraph))),
    ];
    const schemaOf = part => part && part.content && Object.values(part.content)[0].schema;
    const body = schemaOf(operation.requestBody);
    parts.push(this.example(method, path, body));
    if (body) parts.push(element("h3", "", "Request"), this.fields(body));
    const answer = schemaOf(operation.responses[200]);
    if (answer && answer.$ref) parts.push(element("h3", "", "Answer"), this.fields(answer));
    const errors = Object.entries(operation.responses).filter(([status]) => status >= 400);
    if (errors.length) {
      const rows = errors.map(([status, { description }]) => element("tr", "", element("td", "", status), element("td", "", ...marked(description))));
      parts.push(element("h3", "", "Errors"), element("div", "scrolls", element("table", "", element("tbody", "", ...rows))));
    }
    return element("section", "route", ...parts);
  }

  routes() {
    return Object.entries(this.openapi.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => this.route(path, method, operation)));
  }
}

fetch("openapi.json").then(response => response.json()).then(openapi => {
  document.querySelector("#about").append(...marked(openapi.info.description));
  document.querySelector("#routes").append(...new Document(openapi).routes());
}).catch(() => {
  document.querySelector("#problem").textContent = "The server does not answer.";
});
