export default {
  // Blocks without a language, such as output and diagrams of text, keep one color.
  configureHljs: hljs => hljs.configure({ languages: [] }),
}
