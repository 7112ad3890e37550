// Shows the OpenAPI document that the page names. The site's Content-Security-Policy forbids inline scripts.
const place = document.getElementById("openapi");
window.SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: true,
    validatorUrl: null, // asks no other host
    tryItOutEnabled: false,
    requestInterceptor: (request) => ({ ...request, credentials: "omit" }), // the token alone says who asks
});
