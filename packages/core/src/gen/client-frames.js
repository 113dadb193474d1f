// Made by `npm run generate` from protocol/; do not edit.
var __getOwnPropNames = Object.getOwnPropertyNames;
var __commonJS = (cb, mod) => function __require() {
  try {
    return mod || (0, cb[__getOwnPropNames(cb)[0]])((mod = { exports: {} }).exports, mod), mod.exports;
  } catch (e) {
    throw mod = 0, e;
  }
};

// node_modules/.pnpm/ajv@8.20.0/node_modules/ajv/dist/runtime/ucs2length.js
var require_ucs2length = __commonJS({
  "node_modules/.pnpm/ajv@8.20.0/node_modules/ajv/dist/runtime/ucs2length.js"(exports) {
    "use strict";
    Object.defineProperty(exports, "__esModule", { value: true });
    function ucs2length(str) {
      const len = str.length;
      let length = 0;
      let pos = 0;
      let value;
      while (pos < len) {
        length++;
        value = str.charCodeAt(pos++);
        if (value >= 55296 && value <= 56319 && pos < len) {
          value = str.charCodeAt(pos);
          if ((value & 64512) === 56320)
            pos++;
        }
      }
      return length;
    }
    exports.default = ucs2length;
    ucs2length.code = 'require("ajv/dist/runtime/ucs2length").default';
  }
});

// <stdin>
var validateStart = validate20;
var schema31 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": { "type": { "type": "string", "const": "start" }, "protocol": { "$ref": "common.schema.json#/$defs/protocol" }, "invocation_id": { "$ref": "common.schema.json#/$defs/invocation_id" }, "entrypoint_tag": { "$ref": "common.schema.json#/$defs/entrypoint_tag" }, "input_args": { "type": "array", "items": {} }, "input_kwargs": { "type": "object", "additionalProperties": {} }, "timeout_seconds": { "type": "number", "exclusiveMinimum": 0, "maximum": 31536e3 }, "async_execution": { "type": "boolean" }, "user_id": { "type": ["string", "null"], "maxLength": 512 }, "persistent_memory": { "type": ["boolean", "null"] }, "window_bytes": { "$ref": "common.schema.json#/$defs/window_bytes" }, "on_disconnect": { "type": "string", "enum": ["continue", "cancel"] }, "auth": { "$ref": "common.schema.json#/$defs/auth" } }, "required": ["type", "protocol", "invocation_id", "entrypoint_tag", "input_args", "input_kwargs"] };
var pattern4 = new RegExp("^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$", "u");
var pattern5 = new RegExp("^[^\\u0000-\\u001f\\u007f]+$", "u");
var func1 = require_ucs2length().default;
function validate20(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate20.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type") || data.protocol === void 0 && (missing0 = "protocol") || data.invocation_id === void 0 && (missing0 = "invocation_id") || data.entrypoint_tag === void 0 && (missing0 = "entrypoint_tag") || data.input_args === void 0 && (missing0 = "input_args") || data.input_kwargs === void 0 && (missing0 = "input_kwargs")) {
        validate20.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data0 = data.type;
          const _errs1 = errors;
          if (typeof data0 !== "string") {
            validate20.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if ("start" !== data0) {
            validate20.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/const", keyword: "const", params: { allowedValue: "start" }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.protocol !== void 0) {
            let data1 = data.protocol;
            const _errs3 = errors;
            if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
              validate20.errors = [{ instancePath: instancePath + "/protocol", schemaPath: "common.schema.json#/$defs/protocol/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
              return false;
            }
            if (2 !== data1) {
              validate20.errors = [{ instancePath: instancePath + "/protocol", schemaPath: "common.schema.json#/$defs/protocol/const", keyword: "const", params: { allowedValue: 2 }, message: "must be equal to constant" }];
              return false;
            }
            var valid0 = _errs3 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.invocation_id !== void 0) {
              let data2 = data.invocation_id;
              const _errs6 = errors;
              const _errs7 = errors;
              if (errors === _errs7) {
                if (typeof data2 === "string") {
                  if (!pattern4.test(data2)) {
                    validate20.errors = [{ instancePath: instancePath + "/invocation_id", schemaPath: "common.schema.json#/$defs/invocation_id/pattern", keyword: "pattern", params: { pattern: "^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$" }, message: 'must match pattern "^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$"' }];
                    return false;
                  }
                } else {
                  validate20.errors = [{ instancePath: instancePath + "/invocation_id", schemaPath: "common.schema.json#/$defs/invocation_id/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                  return false;
                }
              }
              var valid0 = _errs6 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.entrypoint_tag !== void 0) {
                let data3 = data.entrypoint_tag;
                const _errs9 = errors;
                const _errs10 = errors;
                if (errors === _errs10) {
                  if (typeof data3 === "string") {
                    if (func1(data3) > 128) {
                      validate20.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/maxLength", keyword: "maxLength", params: { limit: 128 }, message: "must NOT have more than 128 characters" }];
                      return false;
                    } else {
                      if (func1(data3) < 1) {
                        validate20.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                        return false;
                      } else {
                        if (!pattern5.test(data3)) {
                          validate20.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f]+$" }, message: 'must match pattern "^[^\\u0000-\\u001f\\u007f]+$"' }];
                          return false;
                        }
                      }
                    }
                  } else {
                    validate20.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                    return false;
                  }
                }
                var valid0 = _errs9 === errors;
              } else {
                var valid0 = true;
              }
              if (valid0) {
                if (data.input_args !== void 0) {
                  const _errs12 = errors;
                  if (errors === _errs12) {
                    if (!Array.isArray(data.input_args)) {
                      validate20.errors = [{ instancePath: instancePath + "/input_args", schemaPath: "#/properties/input_args/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                      return false;
                    }
                  }
                  var valid0 = _errs12 === errors;
                } else {
                  var valid0 = true;
                }
                if (valid0) {
                  if (data.input_kwargs !== void 0) {
                    let data5 = data.input_kwargs;
                    const _errs14 = errors;
                    if (errors === _errs14) {
                      if (data5 && typeof data5 == "object" && !Array.isArray(data5)) {
                      } else {
                        validate20.errors = [{ instancePath: instancePath + "/input_kwargs", schemaPath: "#/properties/input_kwargs/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
                        return false;
                      }
                    }
                    var valid0 = _errs14 === errors;
                  } else {
                    var valid0 = true;
                  }
                  if (valid0) {
                    if (data.timeout_seconds !== void 0) {
                      let data6 = data.timeout_seconds;
                      const _errs17 = errors;
                      if (errors === _errs17) {
                        if (typeof data6 == "number" && isFinite(data6)) {
                          if (data6 > 31536e3 || isNaN(data6)) {
                            validate20.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31536e3 }, message: "must be <= 31536000" }];
                            return false;
                          } else {
                            if (data6 <= 0 || isNaN(data6)) {
                              validate20.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 }, message: "must be > 0" }];
                              return false;
                            }
                          }
                        } else {
                          validate20.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/type", keyword: "type", params: { type: "number" }, message: "must be number" }];
                          return false;
                        }
                      }
                      var valid0 = _errs17 === errors;
                    } else {
                      var valid0 = true;
                    }
                    if (valid0) {
                      if (data.async_execution !== void 0) {
                        const _errs19 = errors;
                        if (typeof data.async_execution !== "boolean") {
                          validate20.errors = [{ instancePath: instancePath + "/async_execution", schemaPath: "#/properties/async_execution/type", keyword: "type", params: { type: "boolean" }, message: "must be boolean" }];
                          return false;
                        }
                        var valid0 = _errs19 === errors;
                      } else {
                        var valid0 = true;
                      }
                      if (valid0) {
                        if (data.user_id !== void 0) {
                          let data8 = data.user_id;
                          const _errs21 = errors;
                          if (typeof data8 !== "string" && data8 !== null) {
                            validate20.errors = [{ instancePath: instancePath + "/user_id", schemaPath: "#/properties/user_id/type", keyword: "type", params: { type: schema31.properties.user_id.type }, message: "must be string,null" }];
                            return false;
                          }
                          if (errors === _errs21) {
                            if (typeof data8 === "string") {
                              if (func1(data8) > 512) {
                                validate20.errors = [{ instancePath: instancePath + "/user_id", schemaPath: "#/properties/user_id/maxLength", keyword: "maxLength", params: { limit: 512 }, message: "must NOT have more than 512 characters" }];
                                return false;
                              }
                            }
                          }
                          var valid0 = _errs21 === errors;
                        } else {
                          var valid0 = true;
                        }
                        if (valid0) {
                          if (data.persistent_memory !== void 0) {
                            let data9 = data.persistent_memory;
                            const _errs23 = errors;
                            if (typeof data9 !== "boolean" && data9 !== null) {
                              validate20.errors = [{ instancePath: instancePath + "/persistent_memory", schemaPath: "#/properties/persistent_memory/type", keyword: "type", params: { type: schema31.properties.persistent_memory.type }, message: "must be boolean,null" }];
                              return false;
                            }
                            var valid0 = _errs23 === errors;
                          } else {
                            var valid0 = true;
                          }
                          if (valid0) {
                            if (data.window_bytes !== void 0) {
                              let data10 = data.window_bytes;
                              const _errs25 = errors;
                              const _errs26 = errors;
                              if (!(typeof data10 == "number" && (!(data10 % 1) && !isNaN(data10)) && isFinite(data10))) {
                                validate20.errors = [{ instancePath: instancePath + "/window_bytes", schemaPath: "common.schema.json#/$defs/window_bytes/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
                                return false;
                              }
                              if (errors === _errs26) {
                                if (typeof data10 == "number" && isFinite(data10)) {
                                  if (data10 > 1073741824 || isNaN(data10)) {
                                    validate20.errors = [{ instancePath: instancePath + "/window_bytes", schemaPath: "common.schema.json#/$defs/window_bytes/maximum", keyword: "maximum", params: { comparison: "<=", limit: 1073741824 }, message: "must be <= 1073741824" }];
                                    return false;
                                  } else {
                                    if (data10 < 1 || isNaN(data10)) {
                                      validate20.errors = [{ instancePath: instancePath + "/window_bytes", schemaPath: "common.schema.json#/$defs/window_bytes/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 }, message: "must be >= 1" }];
                                      return false;
                                    }
                                  }
                                }
                              }
                              var valid0 = _errs25 === errors;
                            } else {
                              var valid0 = true;
                            }
                            if (valid0) {
                              if (data.on_disconnect !== void 0) {
                                let data11 = data.on_disconnect;
                                const _errs28 = errors;
                                if (typeof data11 !== "string") {
                                  validate20.errors = [{ instancePath: instancePath + "/on_disconnect", schemaPath: "#/properties/on_disconnect/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                                  return false;
                                }
                                if (!(data11 === "continue" || data11 === "cancel")) {
                                  validate20.errors = [{ instancePath: instancePath + "/on_disconnect", schemaPath: "#/properties/on_disconnect/enum", keyword: "enum", params: { allowedValues: schema31.properties.on_disconnect.enum }, message: "must be equal to one of the allowed values" }];
                                  return false;
                                }
                                var valid0 = _errs28 === errors;
                              } else {
                                var valid0 = true;
                              }
                              if (valid0) {
                                if (data.auth !== void 0) {
                                  let data12 = data.auth;
                                  const _errs30 = errors;
                                  const _errs31 = errors;
                                  if (errors === _errs31) {
                                    if (data12 && typeof data12 == "object" && !Array.isArray(data12)) {
                                      let missing1;
                                      if (data12.token === void 0 && (missing1 = "token")) {
                                        validate20.errors = [{ instancePath: instancePath + "/auth", schemaPath: "common.schema.json#/$defs/auth/required", keyword: "required", params: { missingProperty: missing1 }, message: "must have required property '" + missing1 + "'" }];
                                        return false;
                                      } else {
                                        if (data12.token !== void 0) {
                                          let data13 = data12.token;
                                          const _errs33 = errors;
                                          if (errors === _errs33) {
                                            if (typeof data13 === "string") {
                                              if (func1(data13) > 8192) {
                                                validate20.errors = [{ instancePath: instancePath + "/auth/token", schemaPath: "common.schema.json#/$defs/auth/properties/token/maxLength", keyword: "maxLength", params: { limit: 8192 }, message: "must NOT have more than 8192 characters" }];
                                                return false;
                                              } else {
                                                if (func1(data13) < 1) {
                                                  validate20.errors = [{ instancePath: instancePath + "/auth/token", schemaPath: "common.schema.json#/$defs/auth/properties/token/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                                                  return false;
                                                }
                                              }
                                            } else {
                                              validate20.errors = [{ instancePath: instancePath + "/auth/token", schemaPath: "common.schema.json#/$defs/auth/properties/token/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                                              return false;
                                            }
                                          }
                                        }
                                      }
                                    } else {
                                      validate20.errors = [{ instancePath: instancePath + "/auth", schemaPath: "common.schema.json#/$defs/auth/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
                                      return false;
                                    }
                                  }
                                  var valid0 = _errs30 === errors;
                                } else {
                                  var valid0 = true;
                                }
                              }
                            }
                          }
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    } else {
      validate20.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate20.errors = vErrors;
  return errors === 0;
}
validate20.evaluated = { "props": { "type": true, "protocol": true, "invocation_id": true, "entrypoint_tag": true, "input_args": true, "input_kwargs": true, "timeout_seconds": true, "async_execution": true, "user_id": true, "persistent_memory": true, "window_bytes": true, "on_disconnect": true, "auth": true }, "dynamicProps": false, "dynamicItems": false };
var validateResume = validate22;
var pattern7 = new RegExp("^[A-Za-z0-9_-]{1,64}$", "u");
function validate22(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate22.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type") || data.protocol === void 0 && (missing0 = "protocol") || data.invocation_id === void 0 && (missing0 = "invocation_id") || data.epoch === void 0 && (missing0 = "epoch") || data.after_seq === void 0 && (missing0 = "after_seq")) {
        validate22.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data0 = data.type;
          const _errs1 = errors;
          if (typeof data0 !== "string") {
            validate22.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if ("resume" !== data0) {
            validate22.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/const", keyword: "const", params: { allowedValue: "resume" }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.protocol !== void 0) {
            let data1 = data.protocol;
            const _errs3 = errors;
            if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
              validate22.errors = [{ instancePath: instancePath + "/protocol", schemaPath: "common.schema.json#/$defs/protocol/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
              return false;
            }
            if (2 !== data1) {
              validate22.errors = [{ instancePath: instancePath + "/protocol", schemaPath: "common.schema.json#/$defs/protocol/const", keyword: "const", params: { allowedValue: 2 }, message: "must be equal to constant" }];
              return false;
            }
            var valid0 = _errs3 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.invocation_id !== void 0) {
              let data2 = data.invocation_id;
              const _errs6 = errors;
              const _errs7 = errors;
              if (errors === _errs7) {
                if (typeof data2 === "string") {
                  if (!pattern4.test(data2)) {
                    validate22.errors = [{ instancePath: instancePath + "/invocation_id", schemaPath: "common.schema.json#/$defs/invocation_id/pattern", keyword: "pattern", params: { pattern: "^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$" }, message: 'must match pattern "^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$"' }];
                    return false;
                  }
                } else {
                  validate22.errors = [{ instancePath: instancePath + "/invocation_id", schemaPath: "common.schema.json#/$defs/invocation_id/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                  return false;
                }
              }
              var valid0 = _errs6 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.epoch !== void 0) {
                let data3 = data.epoch;
                const _errs9 = errors;
                const _errs10 = errors;
                if (errors === _errs10) {
                  if (typeof data3 === "string") {
                    if (!pattern7.test(data3)) {
                      validate22.errors = [{ instancePath: instancePath + "/epoch", schemaPath: "common.schema.json#/$defs/epoch/pattern", keyword: "pattern", params: { pattern: "^[A-Za-z0-9_-]{1,64}$" }, message: 'must match pattern "^[A-Za-z0-9_-]{1,64}$"' }];
                      return false;
                    }
                  } else {
                    validate22.errors = [{ instancePath: instancePath + "/epoch", schemaPath: "common.schema.json#/$defs/epoch/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                    return false;
                  }
                }
                var valid0 = _errs9 === errors;
              } else {
                var valid0 = true;
              }
              if (valid0) {
                if (data.after_seq !== void 0) {
                  let data4 = data.after_seq;
                  const _errs12 = errors;
                  const _errs13 = errors;
                  if (!(typeof data4 == "number" && (!(data4 % 1) && !isNaN(data4)) && isFinite(data4))) {
                    validate22.errors = [{ instancePath: instancePath + "/after_seq", schemaPath: "common.schema.json#/$defs/position/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
                    return false;
                  }
                  if (errors === _errs13) {
                    if (typeof data4 == "number" && isFinite(data4)) {
                      if (data4 > 9007199254740991 || isNaN(data4)) {
                        validate22.errors = [{ instancePath: instancePath + "/after_seq", schemaPath: "common.schema.json#/$defs/position/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                        return false;
                      } else {
                        if (data4 < 0 || isNaN(data4)) {
                          validate22.errors = [{ instancePath: instancePath + "/after_seq", schemaPath: "common.schema.json#/$defs/position/minimum", keyword: "minimum", params: { comparison: ">=", limit: 0 }, message: "must be >= 0" }];
                          return false;
                        }
                      }
                    }
                  }
                  var valid0 = _errs12 === errors;
                } else {
                  var valid0 = true;
                }
                if (valid0) {
                  if (data.window_bytes !== void 0) {
                    let data5 = data.window_bytes;
                    const _errs15 = errors;
                    const _errs16 = errors;
                    if (!(typeof data5 == "number" && (!(data5 % 1) && !isNaN(data5)) && isFinite(data5))) {
                      validate22.errors = [{ instancePath: instancePath + "/window_bytes", schemaPath: "common.schema.json#/$defs/window_bytes/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
                      return false;
                    }
                    if (errors === _errs16) {
                      if (typeof data5 == "number" && isFinite(data5)) {
                        if (data5 > 1073741824 || isNaN(data5)) {
                          validate22.errors = [{ instancePath: instancePath + "/window_bytes", schemaPath: "common.schema.json#/$defs/window_bytes/maximum", keyword: "maximum", params: { comparison: "<=", limit: 1073741824 }, message: "must be <= 1073741824" }];
                          return false;
                        } else {
                          if (data5 < 1 || isNaN(data5)) {
                            validate22.errors = [{ instancePath: instancePath + "/window_bytes", schemaPath: "common.schema.json#/$defs/window_bytes/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 }, message: "must be >= 1" }];
                            return false;
                          }
                        }
                      }
                    }
                    var valid0 = _errs15 === errors;
                  } else {
                    var valid0 = true;
                  }
                  if (valid0) {
                    if (data.auth !== void 0) {
                      let data6 = data.auth;
                      const _errs18 = errors;
                      const _errs19 = errors;
                      if (errors === _errs19) {
                        if (data6 && typeof data6 == "object" && !Array.isArray(data6)) {
                          let missing1;
                          if (data6.token === void 0 && (missing1 = "token")) {
                            validate22.errors = [{ instancePath: instancePath + "/auth", schemaPath: "common.schema.json#/$defs/auth/required", keyword: "required", params: { missingProperty: missing1 }, message: "must have required property '" + missing1 + "'" }];
                            return false;
                          } else {
                            if (data6.token !== void 0) {
                              let data7 = data6.token;
                              const _errs21 = errors;
                              if (errors === _errs21) {
                                if (typeof data7 === "string") {
                                  if (func1(data7) > 8192) {
                                    validate22.errors = [{ instancePath: instancePath + "/auth/token", schemaPath: "common.schema.json#/$defs/auth/properties/token/maxLength", keyword: "maxLength", params: { limit: 8192 }, message: "must NOT have more than 8192 characters" }];
                                    return false;
                                  } else {
                                    if (func1(data7) < 1) {
                                      validate22.errors = [{ instancePath: instancePath + "/auth/token", schemaPath: "common.schema.json#/$defs/auth/properties/token/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                                      return false;
                                    }
                                  }
                                } else {
                                  validate22.errors = [{ instancePath: instancePath + "/auth/token", schemaPath: "common.schema.json#/$defs/auth/properties/token/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                                  return false;
                                }
                              }
                            }
                          }
                        } else {
                          validate22.errors = [{ instancePath: instancePath + "/auth", schemaPath: "common.schema.json#/$defs/auth/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
                          return false;
                        }
                      }
                      var valid0 = _errs18 === errors;
                    } else {
                      var valid0 = true;
                    }
                  }
                }
              }
            }
          }
        }
      }
    } else {
      validate22.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate22.errors = vErrors;
  return errors === 0;
}
validate22.evaluated = { "props": { "type": true, "protocol": true, "invocation_id": true, "epoch": true, "after_seq": true, "window_bytes": true, "auth": true }, "dynamicProps": false, "dynamicItems": false };
var validateAck = validate23;
function validate23(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate23.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type") || data.seq === void 0 && (missing0 = "seq")) {
        validate23.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data0 = data.type;
          const _errs1 = errors;
          if (typeof data0 !== "string") {
            validate23.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if ("ack" !== data0) {
            validate23.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/const", keyword: "const", params: { allowedValue: "ack" }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.seq !== void 0) {
            let data1 = data.seq;
            const _errs3 = errors;
            const _errs4 = errors;
            if (!(typeof data1 == "number" && (!(data1 % 1) && !isNaN(data1)) && isFinite(data1))) {
              validate23.errors = [{ instancePath: instancePath + "/seq", schemaPath: "common.schema.json#/$defs/seq/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
              return false;
            }
            if (errors === _errs4) {
              if (typeof data1 == "number" && isFinite(data1)) {
                if (data1 > 9007199254740991 || isNaN(data1)) {
                  validate23.errors = [{ instancePath: instancePath + "/seq", schemaPath: "common.schema.json#/$defs/seq/maximum", keyword: "maximum", params: { comparison: "<=", limit: 9007199254740991 }, message: "must be <= 9007199254740991" }];
                  return false;
                } else {
                  if (data1 < 1 || isNaN(data1)) {
                    validate23.errors = [{ instancePath: instancePath + "/seq", schemaPath: "common.schema.json#/$defs/seq/minimum", keyword: "minimum", params: { comparison: ">=", limit: 1 }, message: "must be >= 1" }];
                    return false;
                  }
                }
              }
            }
            var valid0 = _errs3 === errors;
          } else {
            var valid0 = true;
          }
        }
      }
    } else {
      validate23.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate23.errors = vErrors;
  return errors === 0;
}
validate23.evaluated = { "props": { "type": true, "seq": true }, "dynamicProps": false, "dynamicItems": false };
var validateCancel = validate24;
var schema48 = { "type": "string", "enum": ["immediate", "after_turn"] };
function validate24(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate24.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type") || data.mode === void 0 && (missing0 = "mode")) {
        validate24.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data0 = data.type;
          const _errs1 = errors;
          if (typeof data0 !== "string") {
            validate24.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if ("cancel" !== data0) {
            validate24.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/const", keyword: "const", params: { allowedValue: "cancel" }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.mode !== void 0) {
            let data1 = data.mode;
            const _errs3 = errors;
            if (typeof data1 !== "string") {
              validate24.errors = [{ instancePath: instancePath + "/mode", schemaPath: "common.schema.json#/$defs/mode/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
              return false;
            }
            if (!(data1 === "immediate" || data1 === "after_turn")) {
              validate24.errors = [{ instancePath: instancePath + "/mode", schemaPath: "common.schema.json#/$defs/mode/enum", keyword: "enum", params: { allowedValues: schema48.enum }, message: "must be equal to one of the allowed values" }];
              return false;
            }
            var valid0 = _errs3 === errors;
          } else {
            var valid0 = true;
          }
        }
      }
    } else {
      validate24.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate24.errors = vErrors;
  return errors === 0;
}
validate24.evaluated = { "props": { "type": true, "mode": true }, "dynamicProps": false, "dynamicItems": false };
var validateApproval = validate25;
var schema50 = { "type": "string", "enum": ["approve", "reject"] };
function validate25(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate25.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type") || data.approval_id === void 0 && (missing0 = "approval_id") || data.decision === void 0 && (missing0 = "decision")) {
        validate25.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data0 = data.type;
          const _errs1 = errors;
          if (typeof data0 !== "string") {
            validate25.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if ("approval" !== data0) {
            validate25.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/const", keyword: "const", params: { allowedValue: "approval" }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.approval_id !== void 0) {
            let data1 = data.approval_id;
            const _errs3 = errors;
            if (errors === _errs3) {
              if (typeof data1 === "string") {
                if (func1(data1) > 128) {
                  validate25.errors = [{ instancePath: instancePath + "/approval_id", schemaPath: "#/properties/approval_id/maxLength", keyword: "maxLength", params: { limit: 128 }, message: "must NOT have more than 128 characters" }];
                  return false;
                } else {
                  if (func1(data1) < 1) {
                    validate25.errors = [{ instancePath: instancePath + "/approval_id", schemaPath: "#/properties/approval_id/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                    return false;
                  }
                }
              } else {
                validate25.errors = [{ instancePath: instancePath + "/approval_id", schemaPath: "#/properties/approval_id/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                return false;
              }
            }
            var valid0 = _errs3 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.decision !== void 0) {
              let data2 = data.decision;
              const _errs5 = errors;
              if (typeof data2 !== "string") {
                validate25.errors = [{ instancePath: instancePath + "/decision", schemaPath: "common.schema.json#/$defs/decision/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                return false;
              }
              if (!(data2 === "approve" || data2 === "reject")) {
                validate25.errors = [{ instancePath: instancePath + "/decision", schemaPath: "common.schema.json#/$defs/decision/enum", keyword: "enum", params: { allowedValues: schema50.enum }, message: "must be equal to one of the allowed values" }];
                return false;
              }
              var valid0 = _errs5 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.reason !== void 0) {
                let data3 = data.reason;
                const _errs8 = errors;
                if (errors === _errs8) {
                  if (typeof data3 === "string") {
                    if (func1(data3) > 4096) {
                      validate25.errors = [{ instancePath: instancePath + "/reason", schemaPath: "#/properties/reason/maxLength", keyword: "maxLength", params: { limit: 4096 }, message: "must NOT have more than 4096 characters" }];
                      return false;
                    }
                  } else {
                    validate25.errors = [{ instancePath: instancePath + "/reason", schemaPath: "#/properties/reason/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                    return false;
                  }
                }
                var valid0 = _errs8 === errors;
              } else {
                var valid0 = true;
              }
            }
          }
        }
      }
    } else {
      validate25.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate25.errors = vErrors;
  return errors === 0;
}
validate25.evaluated = { "props": { "type": true, "approval_id": true, "decision": true, "reason": true }, "dynamicProps": false, "dynamicItems": false };
var validateAuth = validate26;
function validate26(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate26.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.type === void 0 && (missing0 = "type") || data.token === void 0 && (missing0 = "token")) {
        validate26.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.type !== void 0) {
          let data0 = data.type;
          const _errs1 = errors;
          if (typeof data0 !== "string") {
            validate26.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if ("auth" !== data0) {
            validate26.errors = [{ instancePath: instancePath + "/type", schemaPath: "#/properties/type/const", keyword: "const", params: { allowedValue: "auth" }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.token !== void 0) {
            let data1 = data.token;
            const _errs3 = errors;
            if (errors === _errs3) {
              if (typeof data1 === "string") {
                if (func1(data1) > 8192) {
                  validate26.errors = [{ instancePath: instancePath + "/token", schemaPath: "#/properties/token/maxLength", keyword: "maxLength", params: { limit: 8192 }, message: "must NOT have more than 8192 characters" }];
                  return false;
                } else {
                  if (func1(data1) < 1) {
                    validate26.errors = [{ instancePath: instancePath + "/token", schemaPath: "#/properties/token/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                    return false;
                  }
                }
              } else {
                validate26.errors = [{ instancePath: instancePath + "/token", schemaPath: "#/properties/token/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                return false;
              }
            }
            var valid0 = _errs3 === errors;
          } else {
            var valid0 = true;
          }
        }
      }
    } else {
      validate26.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate26.errors = vErrors;
  return errors === 0;
}
validate26.evaluated = { "props": { "type": true, "token": true }, "dynamicProps": false, "dynamicItems": false };
var validateRunRequest = validate27;
var schema52 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": { "protocol": { "$ref": "common.schema.json#/$defs/protocol" }, "invocation_id": { "$ref": "common.schema.json#/$defs/invocation_id" }, "entrypoint_tag": { "$ref": "common.schema.json#/$defs/entrypoint_tag" }, "input_args": { "type": "array", "items": {} }, "input_kwargs": { "type": "object", "additionalProperties": {} }, "timeout_seconds": { "type": "number", "exclusiveMinimum": 0, "maximum": 31536e3 }, "async_execution": { "type": "boolean" }, "user_id": { "type": ["string", "null"], "maxLength": 512 }, "persistent_memory": { "type": ["boolean", "null"] } }, "required": ["protocol", "invocation_id", "entrypoint_tag", "input_args", "input_kwargs"] };
function validate27(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate27.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.protocol === void 0 && (missing0 = "protocol") || data.invocation_id === void 0 && (missing0 = "invocation_id") || data.entrypoint_tag === void 0 && (missing0 = "entrypoint_tag") || data.input_args === void 0 && (missing0 = "input_args") || data.input_kwargs === void 0 && (missing0 = "input_kwargs")) {
        validate27.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.protocol !== void 0) {
          let data0 = data.protocol;
          const _errs1 = errors;
          if (!(typeof data0 == "number" && (!(data0 % 1) && !isNaN(data0)) && isFinite(data0))) {
            validate27.errors = [{ instancePath: instancePath + "/protocol", schemaPath: "common.schema.json#/$defs/protocol/type", keyword: "type", params: { type: "integer" }, message: "must be integer" }];
            return false;
          }
          if (2 !== data0) {
            validate27.errors = [{ instancePath: instancePath + "/protocol", schemaPath: "common.schema.json#/$defs/protocol/const", keyword: "const", params: { allowedValue: 2 }, message: "must be equal to constant" }];
            return false;
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.invocation_id !== void 0) {
            let data1 = data.invocation_id;
            const _errs4 = errors;
            const _errs5 = errors;
            if (errors === _errs5) {
              if (typeof data1 === "string") {
                if (!pattern4.test(data1)) {
                  validate27.errors = [{ instancePath: instancePath + "/invocation_id", schemaPath: "common.schema.json#/$defs/invocation_id/pattern", keyword: "pattern", params: { pattern: "^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$" }, message: 'must match pattern "^[A-Za-z0-9_][A-Za-z0-9._~-]{0,127}$"' }];
                  return false;
                }
              } else {
                validate27.errors = [{ instancePath: instancePath + "/invocation_id", schemaPath: "common.schema.json#/$defs/invocation_id/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                return false;
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.entrypoint_tag !== void 0) {
              let data2 = data.entrypoint_tag;
              const _errs7 = errors;
              const _errs8 = errors;
              if (errors === _errs8) {
                if (typeof data2 === "string") {
                  if (func1(data2) > 128) {
                    validate27.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/maxLength", keyword: "maxLength", params: { limit: 128 }, message: "must NOT have more than 128 characters" }];
                    return false;
                  } else {
                    if (func1(data2) < 1) {
                      validate27.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                      return false;
                    } else {
                      if (!pattern5.test(data2)) {
                        validate27.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f]+$" }, message: 'must match pattern "^[^\\u0000-\\u001f\\u007f]+$"' }];
                        return false;
                      }
                    }
                  }
                } else {
                  validate27.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
                  return false;
                }
              }
              var valid0 = _errs7 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.input_args !== void 0) {
                const _errs10 = errors;
                if (errors === _errs10) {
                  if (!Array.isArray(data.input_args)) {
                    validate27.errors = [{ instancePath: instancePath + "/input_args", schemaPath: "#/properties/input_args/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                    return false;
                  }
                }
                var valid0 = _errs10 === errors;
              } else {
                var valid0 = true;
              }
              if (valid0) {
                if (data.input_kwargs !== void 0) {
                  let data4 = data.input_kwargs;
                  const _errs12 = errors;
                  if (errors === _errs12) {
                    if (data4 && typeof data4 == "object" && !Array.isArray(data4)) {
                    } else {
                      validate27.errors = [{ instancePath: instancePath + "/input_kwargs", schemaPath: "#/properties/input_kwargs/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
                      return false;
                    }
                  }
                  var valid0 = _errs12 === errors;
                } else {
                  var valid0 = true;
                }
                if (valid0) {
                  if (data.timeout_seconds !== void 0) {
                    let data5 = data.timeout_seconds;
                    const _errs15 = errors;
                    if (errors === _errs15) {
                      if (typeof data5 == "number" && isFinite(data5)) {
                        if (data5 > 31536e3 || isNaN(data5)) {
                          validate27.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31536e3 }, message: "must be <= 31536000" }];
                          return false;
                        } else {
                          if (data5 <= 0 || isNaN(data5)) {
                            validate27.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 }, message: "must be > 0" }];
                            return false;
                          }
                        }
                      } else {
                        validate27.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/type", keyword: "type", params: { type: "number" }, message: "must be number" }];
                        return false;
                      }
                    }
                    var valid0 = _errs15 === errors;
                  } else {
                    var valid0 = true;
                  }
                  if (valid0) {
                    if (data.async_execution !== void 0) {
                      const _errs17 = errors;
                      if (typeof data.async_execution !== "boolean") {
                        validate27.errors = [{ instancePath: instancePath + "/async_execution", schemaPath: "#/properties/async_execution/type", keyword: "type", params: { type: "boolean" }, message: "must be boolean" }];
                        return false;
                      }
                      var valid0 = _errs17 === errors;
                    } else {
                      var valid0 = true;
                    }
                    if (valid0) {
                      if (data.user_id !== void 0) {
                        let data7 = data.user_id;
                        const _errs19 = errors;
                        if (typeof data7 !== "string" && data7 !== null) {
                          validate27.errors = [{ instancePath: instancePath + "/user_id", schemaPath: "#/properties/user_id/type", keyword: "type", params: { type: schema52.properties.user_id.type }, message: "must be string,null" }];
                          return false;
                        }
                        if (errors === _errs19) {
                          if (typeof data7 === "string") {
                            if (func1(data7) > 512) {
                              validate27.errors = [{ instancePath: instancePath + "/user_id", schemaPath: "#/properties/user_id/maxLength", keyword: "maxLength", params: { limit: 512 }, message: "must NOT have more than 512 characters" }];
                              return false;
                            }
                          }
                        }
                        var valid0 = _errs19 === errors;
                      } else {
                        var valid0 = true;
                      }
                      if (valid0) {
                        if (data.persistent_memory !== void 0) {
                          let data8 = data.persistent_memory;
                          const _errs21 = errors;
                          if (typeof data8 !== "boolean" && data8 !== null) {
                            validate27.errors = [{ instancePath: instancePath + "/persistent_memory", schemaPath: "#/properties/persistent_memory/type", keyword: "type", params: { type: schema52.properties.persistent_memory.type }, message: "must be boolean,null" }];
                            return false;
                          }
                          var valid0 = _errs21 === errors;
                        } else {
                          var valid0 = true;
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
      }
    } else {
      validate27.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate27.errors = vErrors;
  return errors === 0;
}
validate27.evaluated = { "props": { "protocol": true, "invocation_id": true, "entrypoint_tag": true, "input_args": true, "input_kwargs": true, "timeout_seconds": true, "async_execution": true, "user_id": true, "persistent_memory": true }, "dynamicProps": false, "dynamicItems": false };
var validateRunRequestV1 = validate28;
var schema56 = { "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": { "entrypoint_tag": { "$ref": "common.schema.json#/$defs/entrypoint_tag" }, "input_args": { "type": "array", "items": {} }, "input_kwargs": { "type": "object", "additionalProperties": {} }, "timeout_seconds": { "type": "number", "exclusiveMinimum": 0, "maximum": 31536e3 }, "async_execution": { "type": "boolean" }, "user_id": { "type": ["string", "null"], "maxLength": 512 }, "persistent_memory": { "type": ["boolean", "null"] } }, "required": ["entrypoint_tag"] };
function validate28(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate28.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.entrypoint_tag === void 0 && (missing0 = "entrypoint_tag")) {
        validate28.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.entrypoint_tag !== void 0) {
          let data0 = data.entrypoint_tag;
          const _errs1 = errors;
          const _errs2 = errors;
          if (errors === _errs2) {
            if (typeof data0 === "string") {
              if (func1(data0) > 128) {
                validate28.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/maxLength", keyword: "maxLength", params: { limit: 128 }, message: "must NOT have more than 128 characters" }];
                return false;
              } else {
                if (func1(data0) < 1) {
                  validate28.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/minLength", keyword: "minLength", params: { limit: 1 }, message: "must NOT have fewer than 1 characters" }];
                  return false;
                } else {
                  if (!pattern5.test(data0)) {
                    validate28.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/pattern", keyword: "pattern", params: { pattern: "^[^\\u0000-\\u001f\\u007f]+$" }, message: 'must match pattern "^[^\\u0000-\\u001f\\u007f]+$"' }];
                    return false;
                  }
                }
              }
            } else {
              validate28.errors = [{ instancePath: instancePath + "/entrypoint_tag", schemaPath: "common.schema.json#/$defs/entrypoint_tag/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
              return false;
            }
          }
          var valid0 = _errs1 === errors;
        } else {
          var valid0 = true;
        }
        if (valid0) {
          if (data.input_args !== void 0) {
            const _errs4 = errors;
            if (errors === _errs4) {
              if (!Array.isArray(data.input_args)) {
                validate28.errors = [{ instancePath: instancePath + "/input_args", schemaPath: "#/properties/input_args/type", keyword: "type", params: { type: "array" }, message: "must be array" }];
                return false;
              }
            }
            var valid0 = _errs4 === errors;
          } else {
            var valid0 = true;
          }
          if (valid0) {
            if (data.input_kwargs !== void 0) {
              let data2 = data.input_kwargs;
              const _errs6 = errors;
              if (errors === _errs6) {
                if (data2 && typeof data2 == "object" && !Array.isArray(data2)) {
                } else {
                  validate28.errors = [{ instancePath: instancePath + "/input_kwargs", schemaPath: "#/properties/input_kwargs/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
                  return false;
                }
              }
              var valid0 = _errs6 === errors;
            } else {
              var valid0 = true;
            }
            if (valid0) {
              if (data.timeout_seconds !== void 0) {
                let data3 = data.timeout_seconds;
                const _errs9 = errors;
                if (errors === _errs9) {
                  if (typeof data3 == "number" && isFinite(data3)) {
                    if (data3 > 31536e3 || isNaN(data3)) {
                      validate28.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/maximum", keyword: "maximum", params: { comparison: "<=", limit: 31536e3 }, message: "must be <= 31536000" }];
                      return false;
                    } else {
                      if (data3 <= 0 || isNaN(data3)) {
                        validate28.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/exclusiveMinimum", keyword: "exclusiveMinimum", params: { comparison: ">", limit: 0 }, message: "must be > 0" }];
                        return false;
                      }
                    }
                  } else {
                    validate28.errors = [{ instancePath: instancePath + "/timeout_seconds", schemaPath: "#/properties/timeout_seconds/type", keyword: "type", params: { type: "number" }, message: "must be number" }];
                    return false;
                  }
                }
                var valid0 = _errs9 === errors;
              } else {
                var valid0 = true;
              }
              if (valid0) {
                if (data.async_execution !== void 0) {
                  const _errs11 = errors;
                  if (typeof data.async_execution !== "boolean") {
                    validate28.errors = [{ instancePath: instancePath + "/async_execution", schemaPath: "#/properties/async_execution/type", keyword: "type", params: { type: "boolean" }, message: "must be boolean" }];
                    return false;
                  }
                  var valid0 = _errs11 === errors;
                } else {
                  var valid0 = true;
                }
                if (valid0) {
                  if (data.user_id !== void 0) {
                    let data5 = data.user_id;
                    const _errs13 = errors;
                    if (typeof data5 !== "string" && data5 !== null) {
                      validate28.errors = [{ instancePath: instancePath + "/user_id", schemaPath: "#/properties/user_id/type", keyword: "type", params: { type: schema56.properties.user_id.type }, message: "must be string,null" }];
                      return false;
                    }
                    if (errors === _errs13) {
                      if (typeof data5 === "string") {
                        if (func1(data5) > 512) {
                          validate28.errors = [{ instancePath: instancePath + "/user_id", schemaPath: "#/properties/user_id/maxLength", keyword: "maxLength", params: { limit: 512 }, message: "must NOT have more than 512 characters" }];
                          return false;
                        }
                      }
                    }
                    var valid0 = _errs13 === errors;
                  } else {
                    var valid0 = true;
                  }
                  if (valid0) {
                    if (data.persistent_memory !== void 0) {
                      let data6 = data.persistent_memory;
                      const _errs15 = errors;
                      if (typeof data6 !== "boolean" && data6 !== null) {
                        validate28.errors = [{ instancePath: instancePath + "/persistent_memory", schemaPath: "#/properties/persistent_memory/type", keyword: "type", params: { type: schema56.properties.persistent_memory.type }, message: "must be boolean,null" }];
                        return false;
                      }
                      var valid0 = _errs15 === errors;
                    } else {
                      var valid0 = true;
                    }
                  }
                }
              }
            }
          }
        }
      }
    } else {
      validate28.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate28.errors = vErrors;
  return errors === 0;
}
validate28.evaluated = { "props": { "entrypoint_tag": true, "input_args": true, "input_kwargs": true, "timeout_seconds": true, "async_execution": true, "user_id": true, "persistent_memory": true }, "dynamicProps": false, "dynamicItems": false };
var validateCancelRequest = validate29;
function validate29(data, { instancePath = "", parentData, parentDataProperty, rootData = data, dynamicAnchors = {} } = {}) {
  let vErrors = null;
  let errors = 0;
  const evaluated0 = validate29.evaluated;
  if (evaluated0.dynamicProps) {
    evaluated0.props = void 0;
  }
  if (evaluated0.dynamicItems) {
    evaluated0.items = void 0;
  }
  if (errors === 0) {
    if (data && typeof data == "object" && !Array.isArray(data)) {
      let missing0;
      if (data.mode === void 0 && (missing0 = "mode")) {
        validate29.errors = [{ instancePath, schemaPath: "#/required", keyword: "required", params: { missingProperty: missing0 }, message: "must have required property '" + missing0 + "'" }];
        return false;
      } else {
        if (data.mode !== void 0) {
          let data0 = data.mode;
          if (typeof data0 !== "string") {
            validate29.errors = [{ instancePath: instancePath + "/mode", schemaPath: "common.schema.json#/$defs/mode/type", keyword: "type", params: { type: "string" }, message: "must be string" }];
            return false;
          }
          if (!(data0 === "immediate" || data0 === "after_turn")) {
            validate29.errors = [{ instancePath: instancePath + "/mode", schemaPath: "common.schema.json#/$defs/mode/enum", keyword: "enum", params: { allowedValues: schema48.enum }, message: "must be equal to one of the allowed values" }];
            return false;
          }
        }
      }
    } else {
      validate29.errors = [{ instancePath, schemaPath: "#/type", keyword: "type", params: { type: "object" }, message: "must be object" }];
      return false;
    }
  }
  validate29.errors = vErrors;
  return errors === 0;
}
validate29.evaluated = { "props": { "mode": true }, "dynamicProps": false, "dynamicItems": false };
export {
  validateAck,
  validateApproval,
  validateAuth,
  validateCancel,
  validateCancelRequest,
  validateResume,
  validateRunRequest,
  validateRunRequestV1,
  validateStart
};
