var e=globalThis,t=e.ShadowRoot&&(e.ShadyCSS===void 0||e.ShadyCSS.nativeShadow)&&`adoptedStyleSheets`in Document.prototype&&`replace`in CSSStyleSheet.prototype,n=Symbol(),r=new WeakMap,i=class{constructor(e,t,r){if(this._$cssResult$=!0,r!==n)throw Error("CSSResult is not constructable. Use `unsafeCSS` or `css` instead.");this.cssText=e,this.t=t}get styleSheet(){let e=this.o,n=this.t;if(t&&e===void 0){let t=n!==void 0&&n.length===1;t&&(e=r.get(n)),e===void 0&&((this.o=e=new CSSStyleSheet).replaceSync(this.cssText),t&&r.set(n,e))}return e}toString(){return this.cssText}},a=e=>new i(typeof e==`string`?e:e+``,void 0,n),o=(e,...t)=>new i(e.length===1?e[0]:t.reduce((t,n,r)=>t+(e=>{if(!0===e._$cssResult$)return e.cssText;if(typeof e==`number`)return e;throw Error(`Value passed to 'css' function must be a 'css' function result: `+e+`. Use 'unsafeCSS' to pass non-literal values, but take care to ensure page security.`)})(n)+e[r+1],e[0]),e,n),s=(n,r)=>{if(t)n.adoptedStyleSheets=r.map(e=>e instanceof CSSStyleSheet?e:e.styleSheet);else for(let t of r){let r=document.createElement(`style`),i=e.litNonce;i!==void 0&&r.setAttribute(`nonce`,i),r.textContent=t.cssText,n.appendChild(r)}},c=t?e=>e:e=>e instanceof CSSStyleSheet?(e=>{let t=``;for(let n of e.cssRules)t+=n.cssText;return a(t)})(e):e,{is:l,defineProperty:u,getOwnPropertyDescriptor:ee,getOwnPropertyNames:te,getOwnPropertySymbols:ne,getPrototypeOf:re}=Object,ie=globalThis,ae=ie.trustedTypes,oe=ae?ae.emptyScript:``,se=ie.reactiveElementPolyfillSupport,d=(e,t)=>e,ce={toAttribute(e,t){switch(t){case Boolean:e=e?oe:null;break;case Object:case Array:e=e==null?e:JSON.stringify(e)}return e},fromAttribute(e,t){let n=e;switch(t){case Boolean:n=e!==null;break;case Number:n=e===null?null:Number(e);break;case Object:case Array:try{n=JSON.parse(e)}catch{n=null}}return n}},le=(e,t)=>!l(e,t),ue={attribute:!0,type:String,converter:ce,reflect:!1,useDefault:!1,hasChanged:le};Symbol.metadata??=Symbol(`metadata`),ie.litPropertyMetadata??=new WeakMap;var f=class extends HTMLElement{static addInitializer(e){this._$Ei(),(this.l??=[]).push(e)}static get observedAttributes(){return this.finalize(),this._$Eh&&[...this._$Eh.keys()]}static createProperty(e,t=ue){if(t.state&&(t.attribute=!1),this._$Ei(),this.prototype.hasOwnProperty(e)&&((t=Object.create(t)).wrapped=!0),this.elementProperties.set(e,t),!t.noAccessor){let n=Symbol(),r=this.getPropertyDescriptor(e,n,t);r!==void 0&&u(this.prototype,e,r)}}static getPropertyDescriptor(e,t,n){let{get:r,set:i}=ee(this.prototype,e)??{get(){return this[t]},set(e){this[t]=e}};return{get:r,set(t){let a=r?.call(this);i?.call(this,t),this.requestUpdate(e,a,n)},configurable:!0,enumerable:!0}}static getPropertyOptions(e){return this.elementProperties.get(e)??ue}static _$Ei(){if(this.hasOwnProperty(d(`elementProperties`)))return;let e=re(this);e.finalize(),e.l!==void 0&&(this.l=[...e.l]),this.elementProperties=new Map(e.elementProperties)}static finalize(){if(this.hasOwnProperty(d(`finalized`)))return;if(this.finalized=!0,this._$Ei(),this.hasOwnProperty(d(`properties`))){let e=this.properties,t=[...te(e),...ne(e)];for(let n of t)this.createProperty(n,e[n])}let e=this[Symbol.metadata];if(e!==null){let t=litPropertyMetadata.get(e);if(t!==void 0)for(let[e,n]of t)this.elementProperties.set(e,n)}this._$Eh=new Map;for(let[e,t]of this.elementProperties){let n=this._$Eu(e,t);n!==void 0&&this._$Eh.set(n,e)}this.elementStyles=this.finalizeStyles(this.styles)}static finalizeStyles(e){let t=[];if(Array.isArray(e)){let n=new Set(e.flat(1/0).reverse());for(let e of n)t.unshift(c(e))}else e!==void 0&&t.push(c(e));return t}static _$Eu(e,t){let n=t.attribute;return!1===n?void 0:typeof n==`string`?n:typeof e==`string`?e.toLowerCase():void 0}constructor(){super(),this._$Ep=void 0,this.isUpdatePending=!1,this.hasUpdated=!1,this._$Em=null,this._$Ev()}_$Ev(){this._$ES=new Promise(e=>this.enableUpdating=e),this._$AL=new Map,this._$E_(),this.requestUpdate(),this.constructor.l?.forEach(e=>e(this))}addController(e){(this._$EO??=new Set).add(e),this.renderRoot!==void 0&&this.isConnected&&e.hostConnected?.()}removeController(e){this._$EO?.delete(e)}_$E_(){let e=new Map,t=this.constructor.elementProperties;for(let n of t.keys())this.hasOwnProperty(n)&&(e.set(n,this[n]),delete this[n]);e.size>0&&(this._$Ep=e)}createRenderRoot(){let e=this.shadowRoot??this.attachShadow(this.constructor.shadowRootOptions);return s(e,this.constructor.elementStyles),e}connectedCallback(){this.renderRoot??=this.createRenderRoot(),this.enableUpdating(!0),this._$EO?.forEach(e=>e.hostConnected?.())}enableUpdating(e){}disconnectedCallback(){this._$EO?.forEach(e=>e.hostDisconnected?.())}attributeChangedCallback(e,t,n){this._$AK(e,n)}_$ET(e,t){let n=this.constructor.elementProperties.get(e),r=this.constructor._$Eu(e,n);if(r!==void 0&&!0===n.reflect){let i=(n.converter?.toAttribute===void 0?ce:n.converter).toAttribute(t,n.type);this._$Em=e,i==null?this.removeAttribute(r):this.setAttribute(r,i),this._$Em=null}}_$AK(e,t){let n=this.constructor,r=n._$Eh.get(e);if(r!==void 0&&this._$Em!==r){let e=n.getPropertyOptions(r),i=typeof e.converter==`function`?{fromAttribute:e.converter}:e.converter?.fromAttribute===void 0?ce:e.converter;this._$Em=r;let a=i.fromAttribute(t,e.type);this[r]=a??this._$Ej?.get(r)??a,this._$Em=null}}requestUpdate(e,t,n,r=!1,i){if(e!==void 0){let a=this.constructor;if(!1===r&&(i=this[e]),n??=a.getPropertyOptions(e),!((n.hasChanged??le)(i,t)||n.useDefault&&n.reflect&&i===this._$Ej?.get(e)&&!this.hasAttribute(a._$Eu(e,n))))return;this.C(e,t,n)}!1===this.isUpdatePending&&(this._$ES=this._$EP())}C(e,t,{useDefault:n,reflect:r,wrapped:i},a){n&&!(this._$Ej??=new Map).has(e)&&(this._$Ej.set(e,a??t??this[e]),!0!==i||a!==void 0)||(this._$AL.has(e)||(this.hasUpdated||n||(t=void 0),this._$AL.set(e,t)),!0===r&&this._$Em!==e&&(this._$Eq??=new Set).add(e))}async _$EP(){this.isUpdatePending=!0;try{await this._$ES}catch(e){Promise.reject(e)}let e=this.scheduleUpdate();return e!=null&&await e,!this.isUpdatePending}scheduleUpdate(){return this.performUpdate()}performUpdate(){if(!this.isUpdatePending)return;if(!this.hasUpdated){if(this.renderRoot??=this.createRenderRoot(),this._$Ep){for(let[e,t]of this._$Ep)this[e]=t;this._$Ep=void 0}let e=this.constructor.elementProperties;if(e.size>0)for(let[t,n]of e){let{wrapped:e}=n,r=this[t];!0!==e||this._$AL.has(t)||r===void 0||this.C(t,void 0,n,r)}}let e=!1,t=this._$AL;try{e=this.shouldUpdate(t),e?(this.willUpdate(t),this._$EO?.forEach(e=>e.hostUpdate?.()),this.update(t)):this._$EM()}catch(t){throw e=!1,this._$EM(),t}e&&this._$AE(t)}willUpdate(e){}_$AE(e){this._$EO?.forEach(e=>e.hostUpdated?.()),this.hasUpdated||(this.hasUpdated=!0,this.firstUpdated(e)),this.updated(e)}_$EM(){this._$AL=new Map,this.isUpdatePending=!1}get updateComplete(){return this.getUpdateComplete()}getUpdateComplete(){return this._$ES}shouldUpdate(e){return!0}update(e){this._$Eq&&=this._$Eq.forEach(e=>this._$ET(e,this[e])),this._$EM()}updated(e){}firstUpdated(e){}};f.elementStyles=[],f.shadowRootOptions={mode:`open`},f[d(`elementProperties`)]=new Map,f[d(`finalized`)]=new Map,se?.({ReactiveElement:f}),(ie.reactiveElementVersions??=[]).push(`2.1.2`);var de=globalThis,fe=e=>e,p=de.trustedTypes,pe=p?p.createPolicy(`lit-html`,{createHTML:e=>e}):void 0,me=`$lit$`,m=`lit$${Math.random().toFixed(9).slice(2)}$`,he=`?`+m,ge=`<${he}>`,h=document,g=()=>h.createComment(``),_=e=>e===null||typeof e!=`object`&&typeof e!=`function`,_e=Array.isArray,ve=e=>_e(e)||typeof e?.[Symbol.iterator]==`function`,ye=`[ 	
\f\r]`,v=/<(?:(!--|\/[^a-zA-Z])|(\/?[a-zA-Z][^>\s]*)|(\/?$))/g,be=/-->/g,xe=/>/g,y=RegExp(`>|${ye}(?:([^\\s"'>=/]+)(${ye}*=${ye}*(?:[^ \t\n\f\r"'\`<>=]|("|')|))|$)`,`g`),Se=/'/g,Ce=/"/g,we=/^(?:script|style|textarea|title)$/i,b=(e=>(t,...n)=>({_$litType$:e,strings:t,values:n}))(1),x=Symbol.for(`lit-noChange`),S=Symbol.for(`lit-nothing`),Te=new WeakMap,C=h.createTreeWalker(h,129);function Ee(e,t){if(!_e(e)||!e.hasOwnProperty(`raw`))throw Error(`invalid template strings array`);return pe===void 0?t:pe.createHTML(t)}var De=(e,t)=>{let n=e.length-1,r=[],i,a=t===2?`<svg>`:t===3?`<math>`:``,o=v;for(let t=0;t<n;t++){let n=e[t],s,c,l=-1,u=0;for(;u<n.length&&(o.lastIndex=u,c=o.exec(n),c!==null);)u=o.lastIndex,o===v?c[1]===`!--`?o=be:c[1]===void 0?c[2]===void 0?c[3]!==void 0&&(o=y):(we.test(c[2])&&(i=RegExp(`</`+c[2],`g`)),o=y):o=xe:o===y?c[0]===`>`?(o=i??v,l=-1):c[1]===void 0?l=-2:(l=o.lastIndex-c[2].length,s=c[1],o=c[3]===void 0?y:c[3]===`"`?Ce:Se):o===Ce||o===Se?o=y:o===be||o===xe?o=v:(o=y,i=void 0);let ee=o===y&&e[t+1].startsWith(`/>`)?` `:``;a+=o===v?n+ge:l>=0?(r.push(s),n.slice(0,l)+me+n.slice(l)+m+ee):n+m+(l===-2?t:ee)}return[Ee(e,a+(e[n]||`<?>`)+(t===2?`</svg>`:t===3?`</math>`:``)),r]},Oe=class e{constructor({strings:t,_$litType$:n},r){let i;this.parts=[];let a=0,o=0,s=t.length-1,c=this.parts,[l,u]=De(t,n);if(this.el=e.createElement(l,r),C.currentNode=this.el.content,n===2||n===3){let e=this.el.content.firstChild;e.replaceWith(...e.childNodes)}for(;(i=C.nextNode())!==null&&c.length<s;){if(i.nodeType===1){if(i.hasAttributes())for(let e of i.getAttributeNames())if(e.endsWith(me)){let t=u[o++],n=i.getAttribute(e).split(m),r=/([.?@])?(.*)/.exec(t);c.push({type:1,index:a,name:r[2],strings:n,ctor:r[1]===`.`?je:r[1]===`?`?Me:r[1]===`@`?Ne:T}),i.removeAttribute(e)}else e.startsWith(m)&&(c.push({type:6,index:a}),i.removeAttribute(e));if(we.test(i.tagName)){let e=i.textContent.split(m),t=e.length-1;if(t>0){i.textContent=p?p.emptyScript:``;for(let n=0;n<t;n++)i.append(e[n],g()),C.nextNode(),c.push({type:2,index:++a});i.append(e[t],g())}}}else if(i.nodeType===8){if(i.data===he)c.push({type:2,index:a});else{let e=-1;for(;(e=i.data.indexOf(m,e+1))!==-1;)c.push({type:7,index:a}),e+=m.length-1}}a++}}static createElement(e,t){let n=h.createElement(`template`);return n.innerHTML=e,n}};function w(e,t,n=e,r){if(t===x)return t;let i=r===void 0?n._$Cl:n._$Co?.[r],a=_(t)?void 0:t._$litDirective$;return i?.constructor!==a&&(i?._$AO?.(!1),a===void 0?i=void 0:(i=new a(e),i._$AT(e,n,r)),r===void 0?n._$Cl=i:(n._$Co??=[])[r]=i),i!==void 0&&(t=w(e,i._$AS(e,t.values),i,r)),t}var ke=class{constructor(e,t){this._$AV=[],this._$AN=void 0,this._$AD=e,this._$AM=t}get parentNode(){return this._$AM.parentNode}get _$AU(){return this._$AM._$AU}u(e){let{el:{content:t},parts:n}=this._$AD,r=(e?.creationScope??h).importNode(t,!0);C.currentNode=r;let i=C.nextNode(),a=0,o=0,s=n[0];for(;s!==void 0;){if(a===s.index){let t;s.type===2?t=new Ae(i,i.nextSibling,this,e):s.type===1?t=new s.ctor(i,s.name,s.strings,this,e):s.type===6&&(t=new Pe(i,this,e)),this._$AV.push(t),s=n[++o]}a!==s?.index&&(i=C.nextNode(),a++)}return C.currentNode=h,r}p(e){let t=0;for(let n of this._$AV)n!==void 0&&(n.strings===void 0?n._$AI(e[t]):(n._$AI(e,n,t),t+=n.strings.length-2)),t++}},Ae=class e{get _$AU(){return this._$AM?._$AU??this._$Cv}constructor(e,t,n,r){this.type=2,this._$AH=S,this._$AN=void 0,this._$AA=e,this._$AB=t,this._$AM=n,this.options=r,this._$Cv=r?.isConnected??!0}get parentNode(){let e=this._$AA.parentNode,t=this._$AM;return t!==void 0&&e?.nodeType===11&&(e=t.parentNode),e}get startNode(){return this._$AA}get endNode(){return this._$AB}_$AI(e,t=this){e=w(this,e,t),_(e)?e===S||e==null||e===``?(this._$AH!==S&&this._$AR(),this._$AH=S):e!==this._$AH&&e!==x&&this._(e):e._$litType$===void 0?e.nodeType===void 0?ve(e)?this.k(e):this._(e):this.T(e):this.$(e)}O(e){return this._$AA.parentNode.insertBefore(e,this._$AB)}T(e){this._$AH!==e&&(this._$AR(),this._$AH=this.O(e))}_(e){this._$AH!==S&&_(this._$AH)?this._$AA.nextSibling.data=e:this.T(h.createTextNode(e)),this._$AH=e}$(e){let{values:t,_$litType$:n}=e,r=typeof n==`number`?this._$AC(e):(n.el===void 0&&(n.el=Oe.createElement(Ee(n.h,n.h[0]),this.options)),n);if(this._$AH?._$AD===r)this._$AH.p(t);else{let e=new ke(r,this),n=e.u(this.options);e.p(t),this.T(n),this._$AH=e}}_$AC(e){let t=Te.get(e.strings);return t===void 0&&Te.set(e.strings,t=new Oe(e)),t}k(t){_e(this._$AH)||(this._$AH=[],this._$AR());let n=this._$AH,r,i=0;for(let a of t)i===n.length?n.push(r=new e(this.O(g()),this.O(g()),this,this.options)):r=n[i],r._$AI(a),i++;i<n.length&&(this._$AR(r&&r._$AB.nextSibling,i),n.length=i)}_$AR(e=this._$AA.nextSibling,t){for(this._$AP?.(!1,!0,t);e!==this._$AB;){let t=fe(e).nextSibling;fe(e).remove(),e=t}}setConnected(e){this._$AM===void 0&&(this._$Cv=e,this._$AP?.(e))}},T=class{get tagName(){return this.element.tagName}get _$AU(){return this._$AM._$AU}constructor(e,t,n,r,i){this.type=1,this._$AH=S,this._$AN=void 0,this.element=e,this.name=t,this._$AM=r,this.options=i,n.length>2||n[0]!==``||n[1]!==``?(this._$AH=Array(n.length-1).fill(new String),this.strings=n):this._$AH=S}_$AI(e,t=this,n,r){let i=this.strings,a=!1;if(i===void 0)e=w(this,e,t,0),a=!_(e)||e!==this._$AH&&e!==x,a&&(this._$AH=e);else{let r=e,o,s;for(e=i[0],o=0;o<i.length-1;o++)s=w(this,r[n+o],t,o),s===x&&(s=this._$AH[o]),a||=!_(s)||s!==this._$AH[o],s===S?e=S:e!==S&&(e+=(s??``)+i[o+1]),this._$AH[o]=s}a&&!r&&this.j(e)}j(e){e===S?this.element.removeAttribute(this.name):this.element.setAttribute(this.name,e??``)}},je=class extends T{constructor(){super(...arguments),this.type=3}j(e){this.element[this.name]=e===S?void 0:e}},Me=class extends T{constructor(){super(...arguments),this.type=4}j(e){this.element.toggleAttribute(this.name,!!e&&e!==S)}},Ne=class extends T{constructor(e,t,n,r,i){super(e,t,n,r,i),this.type=5}_$AI(e,t=this){if((e=w(this,e,t,0)??S)===x)return;let n=this._$AH,r=e===S&&n!==S||e.capture!==n.capture||e.once!==n.once||e.passive!==n.passive,i=e!==S&&(n===S||r);r&&this.element.removeEventListener(this.name,this,n),i&&this.element.addEventListener(this.name,this,e),this._$AH=e}handleEvent(e){typeof this._$AH==`function`?this._$AH.call(this.options?.host??this.element,e):this._$AH.handleEvent(e)}},Pe=class{constructor(e,t,n){this.element=e,this.type=6,this._$AN=void 0,this._$AM=t,this.options=n}get _$AU(){return this._$AM._$AU}_$AI(e){w(this,e)}},Fe=de.litHtmlPolyfillSupport;Fe?.(Oe,Ae),(de.litHtmlVersions??=[]).push(`3.3.3`);var Ie=(e,t,n)=>{let r=n?.renderBefore??t,i=r._$litPart$;if(i===void 0){let e=n?.renderBefore??null;r._$litPart$=i=new Ae(t.insertBefore(g(),e),e,void 0,n??{})}return i._$AI(e),i},Le=globalThis,E=class extends f{constructor(){super(...arguments),this.renderOptions={host:this},this._$Do=void 0}createRenderRoot(){let e=super.createRenderRoot();return this.renderOptions.renderBefore??=e.firstChild,e}update(e){let t=this.render();this.hasUpdated||(this.renderOptions.isConnected=this.isConnected),super.update(e),this._$Do=Ie(t,this.renderRoot,this.renderOptions)}connectedCallback(){super.connectedCallback(),this._$Do?.setConnected(!0)}disconnectedCallback(){super.disconnectedCallback(),this._$Do?.setConnected(!1)}render(){return x}};E._$litElement$=!0,E.finalized=!0,Le.litElementHydrateSupport?.({LitElement:E});var Re=Le.litElementPolyfillSupport;Re?.({LitElement:E}),(Le.litElementVersions??=[]).push(`4.2.2`);var D=e=>(t,n)=>{n===void 0?customElements.define(e,t):n.addInitializer(()=>{customElements.define(e,t)})},ze={attribute:!0,type:String,converter:ce,reflect:!1,hasChanged:le},Be=(e=ze,t,n)=>{let{kind:r,metadata:i}=n,a=globalThis.litPropertyMetadata.get(i);if(a===void 0&&globalThis.litPropertyMetadata.set(i,a=new Map),r===`setter`&&((e=Object.create(e)).wrapped=!0),a.set(n.name,e),r===`accessor`){let{name:r}=n;return{set(n){let i=t.get.call(this);t.set.call(this,n),this.requestUpdate(r,i,e,!0,n)},init(t){return t!==void 0&&this.C(r,void 0,e,t),t}}}if(r===`setter`){let{name:r}=n;return function(n){let i=this[r];t.call(this,n),this.requestUpdate(r,i,e,!0,n)}}throw Error(`Unsupported decorator location: `+r)};function O(e){return(t,n)=>typeof n==`object`?Be(e,t,n):((e,t,n)=>{let r=t.hasOwnProperty(n);return t.constructor.createProperty(n,e),r?Object.getOwnPropertyDescriptor(t,n):void 0})(e,t,n)}function k(e){return O({...e,state:!0,attribute:!1})}var Ve=(e,t,n)=>(n.configurable=!0,n.enumerable=!0,Reflect.decorate&&typeof t!=`object`&&Object.defineProperty(e,t,n),n);function A(e,t){return(n,r,i)=>{let a=t=>t.renderRoot?.querySelector(e)??null;if(t){let{get:e,set:t}=typeof r==`object`?n:i??(()=>{let e=Symbol();return{get(){return this[e]},set(t){this[e]=t}}})();return Ve(n,r,{get(){let n=e.call(this);return n===void 0&&(n=a(this),(n!==null||this.hasUpdated)&&t.call(this,n)),n}})}return Ve(n,r,{get(){return a(this)}})}}var He;function Ue(e){return(t,n)=>Ve(t,n,{get(){return(this.renderRoot??(He??=document.createDocumentFragment())).querySelectorAll(e)}})}function We(e){return new Promise((t,n)=>{let r=new FileReader;r.onload=()=>t(r.result),r.onerror=()=>n(r.error),r.readAsDataURL(e)})}function Ge(e){let[,t,n]=/^data:([^;,]*);base64,(.*)$/.exec(e),r=Uint8Array.from(atob(n),e=>e.charCodeAt(0));return new Blob([r],{type:t})}function Ke(e,t){let n=document.createElement(`a`);n.href=URL.createObjectURL(e),n.download=t,n.click(),setTimeout(()=>URL.revokeObjectURL(n.href),1e4)}var j=class extends Error{constructor(e,t,n){super(e),this.status=t,this.code=n}},qe=class{constructor(e=`v1`,t=()=>null){this.base=e,this.key=t}async models(){return(await this.json(`GET`,`models`)).data}async tell(e,t,n=null){let r=await Je(e,`image`,{prompt:t});return(await this.fetch(`POST`,`narratives`,r,{},n)).json()}async retell(e,t,n,r,i=null){let a=await Je(e,`image`,{prompt:t,narrative:JSON.stringify(n),clip:String(r+1)});return(await this.fetch(`POST`,`narratives`,a,{},i)).json()}async create(e,t){let n={prompt:e.prompt};e.narrative&&(n.narrative=JSON.stringify(e.narrative)),e.seed!==null&&(n.seed=String(e.seed)),e.steps!==null&&(n.num_inference_steps=String(e.steps));let r=await Je(e.images,`input_reference`,n);return this.json(`POST`,`videos`,r,{"Idempotency-Key":t})}again(e,t){let{narrative:n}=e.reasondiff??{},r=JSON.stringify({video:{id:e.id},prompt:e.prompt,seed:t,...n?{narrative:n}:{}});return this.json(`POST`,`videos/edits`,r,{"Content-Type":`application/json`})}async list(e=50){let t=await this.json(`GET`,`videos?limit=${e}&order=desc`);return{videos:t.data,more:t.has_more}}retrieve(e){return this.json(`GET`,`videos/${encodeURIComponent(e)}`)}cancel(e){return this.json(`POST`,`videos/${encodeURIComponent(e)}/cancel`)}async remove(e){await this.json(`DELETE`,`videos/${encodeURIComponent(e)}`)}move(e,t){let n=JSON.stringify({queue_position:t});return this.json(`PATCH`,`videos/${encodeURIComponent(e)}`,n,{"Content-Type":`application/json`})}async content(e,t){let n=`videos/${encodeURIComponent(e)}/content?variant=${t}`;return(await this.fetch(`GET`,n)).blob()}async images(e){let t=e.reasondiff?.images??[{frame_type:`auto`,frame_index:null}],n=`videos/${encodeURIComponent(e.id)}/content?variant=image&image=`,r=t.map(async({frame_type:e,frame_index:t},r)=>({image:await(await this.fetch(`GET`,`${n}${r+1}`)).blob(),place:e===`frame_index`?{type:e,frame:t??0}:{type:e}}));return Promise.all(r)}async*events(e,t){let n=null;for(;!t.aborted;){try{let r=n===null?{}:{"Last-Event-ID":n},i=await this.fetch(`GET`,`videos/${encodeURIComponent(e)}/events`,null,r,t);for await(let e of Xe(i.body))if(n=e.id??n,e.data){let t=JSON.parse(e.data);if(yield t,M(t))return}}catch(e){if(t.aborted||e instanceof j&&e.status<500)return}await Ze(1e3,t)}}async json(e,t,n=null,r={}){return await(await this.fetch(e,t,n,r)).json()}async fetch(e,t,n=null,r={},i=null){let a=this.key(),o=a?{Authorization:`Bearer ${a}`}:{},s=await fetch(`${this.base}/${t}`,{method:e,body:n,headers:{...o,...r},signal:i});if(!s.ok)throw await Ye(s);return s}};async function Je(e,t,n){let r=new FormData;for(let[e,t]of Object.entries(n))r.set(e,t);let[i]=e;if(e.length===1&&i.place.type===`auto`)return r.set(t,i.image,`image`),r;let a=e.map(async({image:e,place:t})=>({type:`image_url`,image_url:{url:await We(e)},frame_type:t.type,...t.type===`frame_index`?{frame_index:t.frame}:{}}));return r.set(`frame_images`,JSON.stringify(await Promise.all(a))),r}function M(e){return e.status===`completed`||e.status===`failed`}async function Ye(e){let t=`The server answered ${e.status}.`;try{let{error:n}=await e.json();return new j(n?.message??t,e.status,n?.code??null)}catch{return new j(t,e.status,null)}}async function*Xe(e){let t=e.pipeThrough(new TextDecoderStream).getReader(),n=``;try{for(;;){let{value:e,done:r}=await t.read();if(r)return;n=(n+e).replaceAll(`\r
`,`
`);let i=n.split(`

`);n=i.pop();for(let e of i){let t=e.split(`
`),n=e=>t.filter(t=>t.startsWith(`${e}:`)).map(t=>t.slice(e.length+1).replace(/^ /,``));yield{id:n(`id`).at(-1)??null,data:n(`data`).join(`
`)}}}}finally{t.releaseLock()}}function Ze(e,t){return new Promise(n=>{let r=setTimeout(n,e);t.addEventListener(`abort`,()=>(clearTimeout(r),n()),{once:!0})})}var Qe=`{"reasondiff_record"`,$e=2**26,et=[[`moov`,0],[`udta`,0],[`meta`,4],[`ilst`,0],[`©cmt`,0],[`data`,8]];async function tt(e){let[t,n]=[0,e.size];for(let[r,i]of et){let a=await nt(e,t,n,r);if(a===null)return null;[t,n]=[a.start+i,a.end]}if(n-t>$e)return null;let r=await e.slice(t,n).text();return r.startsWith(Qe)?JSON.parse(r):null}async function nt(e,t,n,r){for(;t+8<=n;){let i=new DataView(await e.slice(t,Math.min(t+16,n)).arrayBuffer()),a=String.fromCharCode(...[4,5,6,7].map(e=>i.getUint8(e))),o=i.getUint32(0),s=o===1&&i.byteLength===16,c=s?Number(i.getBigUint64(8)):o||n-t;if(c<8||t+c>n)return null;if(a===r)return{start:t+(s?16:8),end:t+c};t+=c}return null}var N=class extends Error{};function P(e){return e.end-e.start}function rt(e,t){return e.start<=t&&t<e.end}function F(e,t){return e.clips.findIndex(e=>rt(e,t))}function it(e){let t=`[\\s\\x1c-\\x1f\\x85]`;return e.replace(RegExp(`^${t}+|${t}+$`,`g`),``)}function I(e){for(let t of e.clips)if(!it(t.description))throw new N(`Clip ${t.start+1}..${t.end} has no description; say what these frames show.`);for(let t of e.anchors)if(t.frame<0||t.frame>=e.numFrames)throw new N(`Position ${t.frame+1} is outside 1..${e.numFrames}; give a position in that range.`);return e}function L(e){let t=e.anchors??[{position:e.position??1}];return{clips:e.clips.map(({start:e,end:t,description:n})=>({start:e-1,end:t,description:n})),anchors:t.map(({position:e,image:t})=>({frame:e-1,image:t??0})),numFrames:e.num_frames,interval:e.interval??.2,style:e.style??``,reasoning:e.reasoning??``,provenance:e.provenance??{}}}function at(e){let t=e.anchors.map(({frame:e,image:t})=>({position:e+1,image:t}));return{version:1,...t.length===1?{position:t[0].position}:{anchors:t},num_frames:e.numFrames,interval:e.interval,...e.style?{style:e.style}:{},...e.reasoning?{reasoning:e.reasoning}:{},...Object.keys(e.provenance).length?{provenance:{...e.provenance}}:{},clips:e.clips.map(({start:e,end:t,description:n})=>({start:e+1,end:t,description:n}))}}function ot(e){let t=e;if(typeof e!=`object`||!e||!Array.isArray(t.clips)||!t.clips.length)throw new N(`It has no list of clips.`);let n=1;for(let e of t.clips){if(e?.start!==n||!Number.isInteger(e.end)||e.end<e.start)throw new N(`Its clips leave out or repeat a frame: one has to begin at position ${n}.`);if(typeof e.description!=`string`)throw new N(`Its clip at position ${n} has no description.`);n=e.end+1}let{num_frames:r=n-1}=t;if(r!==n-1)throw new N(`Its clips end at position ${n-1}, and it has ${r} frames.`);let i=L({...t,num_frames:r});if(![i.style,i.reasoning].every(e=>typeof e==`string`)||!(i.interval>0)||!i.anchors.every(({frame:e,image:t})=>Number.isInteger(e+t)))throw new N(`Its style, interval or image positions cannot be read.`);return at(I(i))}function st(e,t){switch(t.type){case`move_edge`:return ct(e,t.edge,t.frame);case`resize`:return lt(e,t.clip,t.length);case`split`:return ut(e,t.frame);case`merge`:return dt(e,t.first,t.last);case`remove`:return ft(e,t.clip);case`move_clip`:return pt(e,t.clip,t.to);case`duplicate`:return mt(e,t.clip);case`set_description`:return ht(e,t.clip,t.description);case`set_style`:return{...e,style:t.style};case`move_anchor`:return gt(e,t.frame);case`move_image`:return _t(e,t.image,t.frame);case`retime`:return vt(e,t.num_frames)}}function ct(e,t,n){let r=e.clips.length-1,i=e.clips[t],a=e.clips[t+1];if(i===void 0||a===void 0)throw new N(`There is no edge ${t+1}; the story has ${r}.`);if(n<=i.start||n>=a.end){let e=`${i.start+2}..${a.end}`;throw new N(`The edge cannot be at position ${n+1}; both clips keep a frame at ${e}.`)}let o=e.clips.with(t,{...i,end:n});return{...e,clips:o.with(t+1,{...a,start:n})}}function lt(e,t,n){if(R(e,t),n<1)throw new N(`A clip of ${n} frames shows nothing; give 1 or more.`);let r=e.clips.map(P).with(t,n);return yt(e,bt(e),r)}function ut(e,t){let n=F(e,t),r=e.clips[n];if(r===void 0){let n=`1..${e.numFrames}`;throw new N(`Position ${t+1} is outside ${n}; split at one in that range.`)}if(r.start===t)throw new N(`A clip begins at position ${t+1} already; split at a position inside a clip.`);let i=[{...r,end:t},{...r,start:t}];return{...e,clips:e.clips.toSpliced(n,1,...i)}}function dt(e,t,n){if(R(e,t),R(e,n),t>=n)throw new N(`Clips ${t+1} and ${n+1} cannot be merged; name an earlier and a later clip.`);let r=e.clips.slice(t,n+1),i=[...new Set(r.map(e=>it(e.description)))],a=i.map(e=>`.!?…。`.includes(e.at(-1))?e:`${e}.`),o=i.length>1?a.join(` `):r[0].description,s={start:r[0].start,end:r.at(-1).end,description:o};return{...e,clips:e.clips.toSpliced(t,r.length,s)}}function ft(e,t){let n=R(e,t);if(e.clips.length===1)throw new N(`The story has one clip only; change its text instead.`);let r=e.clips.toSpliced(t,1),i=Math.max(t-1,0),a=r[i],o={...a,start:Math.min(a.start,n.start),end:Math.max(a.end,n.end)};return{...e,clips:r.with(i,o)}}function pt(e,t,n){return R(e,t),R(e,n),yt(e,bt(e).toSpliced(t,1).toSpliced(n,0,t),e.clips.map(P))}function mt(e,t){return R(e,t),yt(e,bt(e).toSpliced(t+1,0,t),e.clips.map(P))}function ht(e,t,n){let r={...R(e,t),description:n};return I({...e,clips:e.clips.with(t,r)})}function gt(e,t){let[n,...r]=e.anchors;return I({...e,anchors:[{...n,frame:t},...r]})}function _t(e,t,n){let r=e.anchors.map(e=>e.image);if(!r.includes(t)){let e=r.toSorted((e,t)=>e-t).map(e=>e+1);throw new N(`The story places no image ${t+1}; it places ${e.join(`, `)}.`)}let i=e.anchors.map(e=>e.image===t?{...e,frame:n}:e);return I({...e,anchors:i.toSorted((e,t)=>e.frame-t.frame)})}function vt(e,t){if(t===e.numFrames)return e;let n=e.clips.length;if(t<n)throw new N(`${n} clips do not fit into ${t} frames; merge clips or give ${n} frames.`);let r=0,i=e.clips.map((i,a)=>{let o=xt(i.end*t/e.numFrames),s=Math.min(Math.max(o,r+1),t-(n-a-1)),c={...i,start:r,end:s};return r=s,c}),a=e.anchors.map(n=>{let r=i[F(e,n.frame)],a=xt(n.frame*(t-1)/Math.max(1,e.numFrames-1));return{...n,frame:Math.min(Math.max(a,r.start),r.end-1)}});return{...e,clips:i,anchors:a,numFrames:t}}function yt(e,t,n){let r=0,i=t.map(t=>{let i=r+n[t],a={start:r,end:i,description:e.clips[t].description};return r=i,a}),a=n=>{let r=e.clips.findIndex(e=>rt(e,n.frame)),a=i[t.indexOf(r)],o=n.frame-e.clips[r].start;return{...n,frame:Math.min(a.start+o,a.end-1)}};return{...e,clips:i,anchors:e.anchors.map(a),numFrames:r}}function bt(e){return e.clips.map((e,t)=>t)}function R(e,t){let n=e.clips[t];if(n===void 0)throw new N(`There is no clip ${t+1}; the story has clips 1..${e.clips.length}.`);return n}function xt(e){let t=Math.floor(e);return e-t===.5?t%2==0?t:t+1:Math.round(e)}function St(e,t){let n=Math.ceil((e-1)/t);return[{start:0,end:1},...Array.from({length:n},(e,n)=>({start:n*t+1,end:(n+1)*t+1}))]}function Ct(e,t){return Math.ceil((e-1)/t)*t+1}function wt(e,t){let n=St(e.numFrames,t).map(t=>e.clips.map(e=>Et(e,t))),r=new Map;for(let n of e.anchors.toReversed())r.set(Math.ceil(n.frame/t),F(e,n.frame));let i=n.map(e=>e.lastIndexOf(Math.max(...e))),a=e=>i.filter(t=>t===e).length;for(let[e,t]of r){let n=i[e];(a(n)>1||!i.includes(t))&&(i[e]=t)}for(let t of e.clips.keys()){if(i.includes(t))continue;let e=[...n.keys()].filter(e=>n[e][t]>0&&a(i[e])>1),o=e=>r.get(e)===i[e],[s]=e.toSorted((e,r)=>Number(o(e))-Number(o(r))||n[r][t]-n[e][t]);s!==void 0&&(i[s]=t)}return i}function Tt(e,t=4){let n=vt(e,Ct(e.numFrames,t)),r=new Set(wt(n,t));return[...n.clips.keys()].filter(e=>!r.has(e))}function Et(e,t){let n=Math.min(e.end,t.end)-Math.max(e.start,t.start);return Math.max(0,n)/(t.end-t.start)}function Dt(e){return{past:[],present:e,future:[],group:null}}function Ot(e,t,n=null){return kt(e,st(e.present,t),n)}function kt(e,t,n=null){return{past:n!==null&&n===e.group?e.past:[...e.past,e.present].slice(-200),present:t,future:[],group:n}}function At(e){let t=e.past.at(-1);if(t===void 0)return e;let n=[e.present,...e.future];return{past:e.past.slice(0,-1),present:t,future:n,group:null}}function jt(e){let[t,...n]=e.future;return t===void 0?e:{past:[...e.past,e.present],present:t,future:n,group:null}}function z(e,t){return`${e/t*100}%`}function Mt(e,t,n){let r=(e-t.left)/t.width;return Math.min(Math.max(Math.floor(r*n),0),n-1)}function Nt(e,t,n){let r=(e-t.left)/t.width;return Math.min(Math.max(Math.round(r*n),0),n)}function Pt(e,t,n){return St(t,n).map(e=>e.start).reduce((t,n)=>Math.abs(n-e)<Math.abs(t-e)?n:t)}function Ft(e,t,n){let r=e.clips[t],i=e.clips[t+1];return Math.min(Math.max(n,r.start+1),i.end-1)}function It(e){return[1,2,4,5,8,10,20,40,50,100,200,500,1e3].find(t=>e/t<=10)??2e3}function Lt(e,t,n){return n===`frames`?String(e+1):`${(e*t).toFixed(1)} s`}var Rt={ATTRIBUTE:1,CHILD:2,PROPERTY:3,BOOLEAN_ATTRIBUTE:4,EVENT:5,ELEMENT:6},zt=e=>(...t)=>({_$litDirective$:e,values:t}),Bt=class{constructor(e){}get _$AU(){return this._$AM._$AU}_$AT(e,t,n){this._$Ct=e,this._$AM=t,this._$Ci=n}_$AS(e,t){return this.update(e,t)}update(e,t){return this.render(...t)}},B=zt(class extends Bt{constructor(e){if(super(e),e.type!==Rt.ELEMENT)throw Error(`styled() stands in an element's tag.`)}update(e,[t]){let{style:n}=e.element;for(let[e,r]of Object.entries(t))n.setProperty(e,r);return S}render(e){return S}}),Vt=o`
  button,
  select,
  input,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 36px;
    padding: 0 0.7rem;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--soft);
  }
  button:disabled {
    opacity: 0.45;
    cursor: default;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
`,Ht=o`
  .toolbar {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.8rem;
    align-items: center;
    margin-bottom: 0.7rem;
  }
  .group {
    display: flex;
  }
  .group button {
    border-radius: 0;
    margin-left: -1px;
  }
  .group button:first-child {
    border-radius: 6px 0 0 6px;
    margin-left: 0;
  }
  .group button:last-child {
    border-radius: 0 6px 6px 0;
  }
  .group button:only-child {
    border-radius: 6px;
  }
  .group button:hover:not(:disabled),
  .group button:focus-visible {
    position: relative;
    z-index: 1;
  }
  button[aria-pressed="true"] {
    border-color: var(--accent);
    box-shadow: inset 0 0 0 1px var(--accent);
  }
  .numbers {
    margin-left: auto;
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem 0.8rem;
    align-items: center;
  }
  .numbers label {
    display: flex;
    gap: 0.4rem;
    align-items: center;
  }
  .numbers input {
    width: 4.6rem;
    min-height: 34px;
    padding: 0 0.4rem;
  }
  @media (max-width: 560px) {
    .numbers {
      margin-left: 0;
    }
    .group button {
      padding: 0 0.55rem;
    }
  }
`,Ut=o`
  :host {
    --ink: #1c1b1a;
    --soft: #5d5a56;
    --paper: #fffdf9;
    --line: #cdc7bd;
    --accent: #8a2f1c;
    --focus: #0b57d0;
    --track: #f1ece3;
    display: block;
    color: var(--ink);
    font: 15px/1.45 system-ui, sans-serif;
  }
  @media (prefers-color-scheme: dark) {
    :host {
      --ink: #f0ece5;
      --soft: #b8b1a6;
      --paper: #1d1b19;
      --line: #4b463f;
      --accent: #ff9f80;
      --focus: #8ab4f8;
      --track: #2a2724;
    }
  }
  .tracks {
    position: relative;
    user-select: none;
    padding: 0 23px; /* half a pin */
  }
  .track {
    position: relative;
  }
  .ruler {
    height: 22px;
    cursor: pointer;
    touch-action: none;
  }
  .ruler span {
    position: absolute;
    font-size: 12px;
    color: var(--soft);
    border-left: 1px solid var(--line);
    padding-left: 3px;
    height: 100%;
    white-space: nowrap;
  }
  .anchors {
    height: 64px;
  }
  .pin {
    position: absolute;
    top: 0;
    width: 44px;
    height: 60px;
    margin-left: -22px;
    cursor: grab;
    touch-action: none;
    z-index: 3;
  }
  .pin .head {
    display: grid;
    place-items: center;
    width: 40px;
    height: 40px;
    box-sizing: border-box;
    margin: 0 auto;
    border: 2px solid var(--accent);
    border-radius: 6px;
    background: var(--paper) center / cover no-repeat;
    font-weight: 600;
  }
  .pin::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 40px;
    height: 24px;
    border-left: 2px solid var(--accent);
    margin-left: -1px;
  }
  .ghost {
    position: absolute;
    top: 20px;
    width: 28px;
    min-height: 28px;
    height: 28px;
    padding: 0;
    margin-left: -14px;
    border: 2px dashed var(--soft);
    border-radius: 50%;
    font-size: 12px;
    z-index: 2;
  }
  .clips {
    height: 84px;
    background: var(--track);
    border-radius: 8px;
  }
  .clip {
    position: absolute;
    inset: 0 auto 0 auto;
    box-sizing: border-box;
    overflow: hidden;
    padding: 6px 10px;
    touch-action: pan-y;
    border: 1px solid var(--paper);
    border-radius: 8px;
    background: color-mix(in srgb, var(--hue) 26%, var(--paper));
    text-align: left;
    font-size: 13px;
    line-height: 1.3;
    min-height: 0;
  }
  .clip[aria-pressed="true"] {
    box-shadow: inset 0 0 0 2px var(--hue);
  }
  .clip.anchored {
    background: color-mix(in srgb, var(--hue) 46%, var(--paper));
  }
  .clip .text {
    display: -webkit-box;
    -webkit-line-clamp: 4;
    -webkit-box-orient: vertical;
    overflow: hidden;
    overflow-wrap: anywhere;
  }
  .clip.unread {
    background: repeating-linear-gradient(
      45deg,
      var(--track) 0 8px,
      color-mix(in srgb, var(--accent) 22%, var(--paper)) 8px 16px
    );
  }
  .edge {
    position: absolute;
    top: 0;
    bottom: 0;
    width: 24px;
    margin-left: -12px;
    cursor: ew-resize;
    touch-action: none;
    z-index: 2;
  }
  .edge::after {
    content: "";
    position: absolute;
    left: 50%;
    top: 14px;
    bottom: 14px;
    width: 4px;
    margin-left: -2px;
    border-radius: 2px;
    background: var(--ink);
  }
  .latent {
    height: 14px;
    margin-top: 4px;
  }
  .latent span {
    position: absolute;
    top: 0;
    bottom: 0;
    box-sizing: border-box;
    border: 1px solid var(--paper);
    background: var(--hue);
    border-radius: 3px;
  }
  .playhead {
    position: absolute;
    top: 0;
    height: 188px;
    width: 0;
    border-left: 2px solid var(--focus);
    z-index: 1;
    pointer-events: none;
  }
  .status {
    min-height: 1.45em;
    margin: 0.2rem 0 0;
    font-size: 14px;
    color: var(--soft);
  }
  .status.refused {
    color: var(--accent);
  }
  .style input {
    width: 100%;
    box-sizing: border-box;
    padding: 0.4rem 0.55rem;
    min-height: 2.4rem;
  }
  .style {
    display: grid;
    grid-template-columns: 6.2rem 1fr;
    gap: 0.6rem;
    align-items: center;
    margin-top: 0.6rem;
    padding-left: calc(0.6rem + 4px);
  }
  .reasoning {
    margin: 0.2rem 0 0.7rem;
  }
  .reasoning span {
    color: var(--soft);
  }
  .hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  @media (max-width: 560px) {
    .style {
      grid-template-columns: 1fr;
      gap: 0.15rem;
    }
    .clip {
      padding: 4px;
      font-size: 11px;
    }
  }
  @media (prefers-reduced-motion: no-preference) {
    .clip,
    .pin {
      transition: background-color 120ms;
    }
  }
`,Wt=[`#2f6f8f`,`#a4582a`,`#4b7a3a`,`#8a4f8f`,`#8a7a1f`,`#b04a5a`,`#3f7f78`,`#6a62b5`];function Gt(e){return Wt[e%Wt.length]}function V(e,t,n,r){var i=arguments.length,a=i<3?t:r===null?r=Object.getOwnPropertyDescriptor(t,n):r,o;if(typeof Reflect==`object`&&typeof Reflect.decorate==`function`)a=Reflect.decorate(e,t,n,r);else for(var s=e.length-1;s>=0;s--)(o=e[s])&&(a=(i<3?o(a):i>3?o(t,n,a):o(t,n))||a);return i>3&&a&&Object.defineProperty(t,n,a),a}var H=class extends E{constructor(...e){super(...e),this.clips=[],this.unread=new Set,this.selected=0,this.interval=.2,this.units=`frames`,this.canRetell=!1,this.retelling=-1}static{this.styles=[Vt,o`
      ol {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.4rem;
      }
      li {
        display: grid;
        grid-template-columns: 6.2rem 1fr auto;
        gap: 0.6rem;
        align-items: start;
        border-left: 4px solid var(--hue);
        border-radius: 4px;
        padding: 0.15rem 0 0.15rem 0.6rem;
      }
      li.selected {
        background: color-mix(in srgb, var(--hue) 12%, transparent);
      }
      .span {
        font-variant-numeric: tabular-nums;
        color: var(--soft);
        font-size: 13px;
        line-height: 1.35;
        padding-top: 0.15rem;
      }
      .span strong {
        color: var(--ink);
        display: block;
        font-size: 14px;
      }
      button {
        font-size: 14px;
        padding: 0 0.55rem;
      }
      .warning {
        grid-column: 2 / -1;
        color: var(--accent);
        font-size: 13px;
      }
      textarea {
        width: 100%;
        box-sizing: border-box;
        padding: 0.4rem 0.55rem;
        field-sizing: content;
        min-height: 2.4rem;
        resize: none;
      }
      @media (max-width: 560px) {
        li {
          grid-template-columns: 1fr auto;
          gap: 0.15rem 0.4rem;
        }
        textarea,
        .warning {
          grid-column: 1 / -1;
          grid-row: 2;
        }
        .warning {
          grid-row: 3;
        }
        .span strong {
          display: inline;
        }
      }
    `]}focusText(e){this.fields[e]?.focus()}render(){return b`<ol>
      ${this.clips.map((e,t)=>this.row(e,t))}
    </ol>`}row(e,t){return b`
      <li class=${t===this.selected?`selected`:``} ${B({"--hue":Gt(t)})}>
        <div class="span">
          <strong>Clip ${t+1}</strong>
          ${Lt(e.start,this.interval,this.units)} to ${Lt(e.end-1,this.interval,this.units)}
        </div>
        <textarea
          aria-label="What clip ${t+1} shows"
          .value=${e.description}
          @focus=${()=>this.send(`choose`,t)}
          @input=${e=>this.write(e,t)}
        ></textarea>
        ${this.canRetell?b`<button
              ?disabled=${this.retelling>=0}
              aria-label="Tell clip ${t+1} again"
              title="The narrator writes this clip anew; the others stay"
              @click=${()=>this.send(`retell`,t)}
            >
              ${this.retelling===t?`Telling …`:`Tell again`}
            </button>`:S}
        ${this.unread.has(t)?b`<div class="warning">Too short: no latent frame reads it, so it will not be seen.</div>`:S}
      </li>
    `}write(e,t){let n=e.target.value;it(n)?this.send(`describe`,{clip:t,description:n}):this.send(`refuse`,t)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};V([O({attribute:!1})],H.prototype,`clips`,void 0),V([O({attribute:!1})],H.prototype,`unread`,void 0),V([O({type:Number})],H.prototype,`selected`,void 0),V([O({type:Number})],H.prototype,`interval`,void 0),V([O()],H.prototype,`units`,void 0),V([O({type:Boolean,attribute:`can-retell`})],H.prototype,`canRetell`,void 0),V([O({type:Number})],H.prototype,`retelling`,void 0),V([Ue(`textarea`)],H.prototype,`fields`,void 0),H=V([D(`clip-texts`)],H);function Kt(e,t,n=()=>void 0){let r=e.currentTarget;r.setPointerCapture(e.pointerId);let i=()=>{r.removeEventListener(`pointermove`,t),r.removeEventListener(`pointerup`,i),r.removeEventListener(`pointercancel`,i),n()};r.addEventListener(`pointermove`,t),r.addEventListener(`pointerup`,i),r.addEventListener(`pointercancel`,i)}function qt(e,t){let n={ArrowLeft:-1,ArrowDown:-1,ArrowRight:1,ArrowUp:1,PageDown:-t,PageUp:t,Home:-1/0,End:1/0};return e.ctrlKey||e.metaKey||e.altKey?null:n[e.key]??null}var U=class extends E{constructor(...e){super(...e),this.undoes=!1,this.redoes=!1,this.selected=0,this.frame=0,this.snaps=!0,this.units=`frames`,this.guesses=[]}static{this.styles=[Vt,Ht]}render(){let{clips:e}=this.story,t=this.selected===e.length-1,n=e.some(e=>e.start===this.frame);return b`
      <div class="toolbar" role="toolbar" aria-label="Edits">
        <div class="group">
          ${this.button(`undo`,`Undo`,`Ctrl Z`,!this.undoes)}
          ${this.button(`redo`,`Redo`,`Ctrl Shift Z`,!this.redoes)}
        </div>
        <div class="group">
          ${this.button(`split`,`Split`,`Cut at the playhead (S on a clip)`,n)}
          ${this.button(`merge`,`Merge`,`Join with the next (M on a clip)`,t)}
          ${this.button(`duplicate`,`Duplicate`,`D on a clip`,!1)}
          ${this.button(`remove`,`Remove`,`Delete on a clip`,e.length===1)}
        </div>
        <div class="group">
          ${this.button(`earlier`,`Earlier`,`Alt and left on a clip, or drag it`,this.selected===0)}
          ${this.button(`later`,`Later`,`Alt and right on a clip, or drag it`,t)}
        </div>
        <div class="group">
          <button
            title="Edges stand between two latent frames"
            aria-pressed=${this.snaps}
            @click=${()=>this.send(`tool`,`snap`)}
          >
            Snap
          </button>
          ${this.button(`units`,this.units===`frames`?`Seconds`:`Frames`,`What the ruler shows`,!1)}
        </div>
        <div class="numbers">
          ${this.places()}
          <label>
            Frames
            <input
              type="number"
              min=${e.length}
              max="10000"
              step="1"
              .value=${String(this.story.numFrames)}
              @change=${e=>this.setLength(e)}
            />
          </label>
        </div>
      </div>
    `}button(e,t,n,r){return b`<button title=${n} ?disabled=${r} @click=${()=>this.send(`tool`,e)}>${t}</button>`}places(){let e=Jt(this.story);return b`
      ${e.some(({frame:e,image:t})=>(this.guesses[t]??e+1)!==e+1)?this.button(`guesses`,`Narrator’s place`,`Back to where the narrator had the image`,!1):S}
      ${e.map(t=>b`
          <label>
            ${e.length>1?`Image ${t.image+1} at`:`Image at`}
            <input
              type="number"
              min="1"
              max=${this.story.numFrames}
              step="1"
              .value=${String(t.frame+1)}
              @change=${e=>this.setPlace(e,t)}
            />
          </label>
        `)}
    `}setPlace(e,{image:t,frame:n}){let r=e.target,i=Number(r.value),{numFrames:a}=this.story;Number.isInteger(i)&&i>=1&&i<=a?this.send(`place`,{image:t,frame:i-1}):(this.send(`refuse`,`${r.value||`Nothing`} is no frame of this story; give 1 to ${a}.`),r.value=String(n+1))}setLength(e){let t=e.target,n=Number(t.value);Number.isInteger(n)&&n>=1&&n<=1e4?this.send(`length`,n):this.send(`refuse`,`${t.value||`Nothing`} is no number of frames; give 1 to 10,000.`),t.value=String(this.story.numFrames)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};V([O({attribute:!1})],U.prototype,`story`,void 0),V([O({type:Boolean})],U.prototype,`undoes`,void 0),V([O({type:Boolean})],U.prototype,`redoes`,void 0),V([O({type:Number})],U.prototype,`selected`,void 0),V([O({type:Number})],U.prototype,`frame`,void 0),V([O({type:Boolean})],U.prototype,`snaps`,void 0),V([O()],U.prototype,`units`,void 0),V([O({attribute:!1})],U.prototype,`guesses`,void 0),U=V([D(`timeline-tools`)],U);function Jt(e){return e.anchors.toSorted((e,t)=>e.image-t.image)}var W=class extends E{constructor(...e){super(...e),this.images=[],this.candidates=[],this.guesses=[],this.stride=4,this.canRetell=!1,this.retelling=-1,this.history=null,this.frame=0,this.selected=0,this.snaps=!0,this.units=`frames`,this.status=``,this.refused=!1,this.drags=0,this.reordered=!1}static{this.styles=[Vt,Ut]}get value(){return this.history&&at(this.history.present)}set value(e){this.history=e&&Dt(L(e)),this.selected=0,this.frame=Math.min(this.frame,(e?.num_frames??1)-1),this.say(``)}get playhead(){return this.frame}set playhead(e){let t=(this.history?.present.numFrames??1)-1;this.frame=Math.min(Math.max(Math.round(e),0),t)}replace(e,t=`The story was told anew.`){this.history=this.history?kt(this.history,L(e)):Dt(L(e)),this.settle(t)}place(e,t){this.history?.present.anchors.some(t=>t.image===e)&&this.moveAnchor(e,t,`place ${++this.drags}`)}undo(){this.travel(At,`Undone.`)}redo(){this.travel(jt,`Done again.`)}edit(e,t=null){if(this.history===null)return!1;let n=this.history.present;try{this.history=Ot(this.history,e,t)}catch(e){if(!(e instanceof N))throw e;return this.say(e.message,!0),!1}return this.settle(Yt(e,n,this.history.present)),!0}travel(e,t){if(this.history===null)return;let n=e(this.history);n!==this.history&&(this.history=n,this.settle(t))}settle(e){let{clips:t,numFrames:n}=this.history.present;this.selected=Math.min(this.selected,t.length-1),this.frame=Math.min(this.frame,n-1),this.say(e),this.dispatchEvent(new CustomEvent(`change`,{detail:this.value,bubbles:!0,composed:!0}))}say(e,t=!1){this.status=e,this.refused=t}moveEdge(e,t,n){let r=this.history.present,i=Ft(r,e,t);r.clips[e].end!==i&&this.edit({type:`move_edge`,edge:e,frame:i},n)}moveAnchor(e,t,n){let{anchors:r}=this.history.present;if(r.find(t=>t.image===e)?.frame!==t){let i=r.length===1;this.edit(i?{type:`move_anchor`,frame:t}:{type:`move_image`,image:e,frame:t},n)}}moveClip(e,t){let n=e+t,r=n>=0&&n<this.history.present.clips.length&&this.edit({type:`move_clip`,clip:e,to:n});return r&&(this.selected=n),r}focusClip(e){this.updateComplete.then(()=>{this.renderRoot.querySelectorAll(`.clip`)[e]?.focus()})}setPlayhead(e){this.playhead=e,this.dispatchEvent(new CustomEvent(`playhead`,{detail:this.frame,bubbles:!0,composed:!0}))}drag(e,t){if(e.button!==0)return;e.preventDefault();let n=`drag ${++this.drags}`;e.currentTarget.focus(),Kt(e,e=>t(e,n))}dragClip(e,t){if(e.button!==0)return;let[n,r]=[e.clientX,`drag ${++this.drags}`],i=t;this.reordered=!1,Kt(e,e=>{if(!this.reordered&&Math.abs(e.clientX-n)<8)return;let t=this.history.present,a=Mt(e.clientX,this.track.getBoundingClientRect(),t.numFrames),o=F(t,a),s=t.clips[o],c=(s.start+s.end-1)/2;(o>i&&a>=c||o<i&&a<=c)&&(this.reordered=!0,this.edit({type:`move_clip`,clip:i,to:o},r)&&(this.selected=i=o))})}dragEdge(e,t){let n=this.history.present;this.drag(e,(e,r)=>{let i=this.track.getBoundingClientRect();if(e.shiftKey){let a=Nt(e.clientX,i,n.numFrames),o=Math.max(a-n.clips[t].start,1);o!==P(this.history.present.clips[t])&&this.edit({type:`resize`,clip:t,length:o},r);return}let{numFrames:a}=this.history.present,o=Nt(e.clientX,i,a);this.moveEdge(t,this.snaps?Pt(o,a,this.stride):o,r)})}edgeKey(e,t){let n=this.history.present,r=n.clips[t].end,i=qt(e,this.stride);if(i!==null){if(e.preventDefault(),e.shiftKey){let e=P(n.clips[t])+Math.sign(i)*this.stride;this.edit({type:`resize`,clip:t,length:Math.max(e,1)},`resize ${t}`)}else this.moveEdge(t,r+i,`nudge edge ${t}`)}}anchorKey(e,t){let n=qt(e,this.stride);if(n!==null){e.preventDefault();let{numFrames:r}=this.history.present,i=Math.min(Math.max(t.frame+n,0),r-1);this.moveAnchor(t.image,i,`nudge image ${t.image}`)}}playheadKey(e){let t=qt(e,this.stride);t!==null&&(e.preventDefault(),this.setPlayhead(this.frame+t))}clipKey(e,t){let n=!e.ctrlKey&&!e.metaKey,r=this.history.present.clips.length,i={Delete:()=>this.edit({type:`remove`,clip:t}),Backspace:()=>this.edit({type:`remove`,clip:t}),s:()=>this.splitAtPlayhead(),m:()=>this.mergeWithNext(t),d:()=>this.edit({type:`duplicate`,clip:t}),Enter:()=>this.focusText(t),ArrowLeft:()=>{(!e.altKey||this.moveClip(t,-1))&&this.focusClip(Math.max(t-1,0))},ArrowRight:()=>{(!e.altKey||this.moveClip(t,1))&&this.focusClip(Math.min(t+1,r-1))}}[e.key];n&&i&&(e.preventDefault(),i())}shortcut(e){let t=e.composedPath()[0]instanceof HTMLTextAreaElement;if(!(e.ctrlKey||e.metaKey)||t)return;let n=e.key.toLowerCase();(n===`z`||n===`y`)&&(e.preventDefault(),n===`y`||e.shiftKey?this.redo():this.undo())}splitAtPlayhead(){this.edit({type:`split`,frame:this.frame})}mergeWithNext(e){this.edit({type:`merge`,first:e,last:e+1})}focusText(e){this.texts.focusText(e)}render(){if(this.history===null)return S;let e=this.history.present;return b`
      <div @keydown=${this.shortcut} role="group" aria-label="Timeline">
        ${this.tools(e)}
        <div class="tracks">
          ${this.ruler(e)} ${this.anchorTrack(e)} ${this.clipTrack(e)} ${this.latentTrack(e)}
        </div>
        <p class="status ${this.refused?`refused`:``}" role="status">${this.status}</p>
        ${e.reasoning?b`<p class="reasoning"><span>Why:</span> ${e.reasoning}</p>`:S}
        <clip-texts
          .clips=${e.clips}
          .unread=${new Set(Tt(e,this.stride))}
          .selected=${this.selected}
          .interval=${e.interval}
          .units=${this.units}
          .canRetell=${this.canRetell}
          .retelling=${this.retelling}
          @choose=${e=>this.selected=e.detail}
          @describe=${this.describe}
          @refuse=${e=>this.say(`Clip ${e.detail+1} keeps its text until you write another.`,!0)}
          @retell=${e=>this.retell(e.detail)}
        ></clip-texts>
        <label class="style">
          Style of all
          <input
            .value=${e.style}
            placeholder="Said before every clip, such as: a water colour"
            @change=${e=>this.setStyle(e)}
          />
        </label>
      </div>
    `}tools(e){let{past:t,future:n}=this.history;return b`
      <timeline-tools
        .story=${e}
        .undoes=${t.length>0}
        .redoes=${n.length>0}
        .selected=${this.selected}
        .frame=${this.frame}
        .snaps=${this.snaps}
        .units=${this.units}
        .guesses=${this.guesses}
        @tool=${e=>this.use(e.detail)}
        @place=${e=>this.place(e.detail.image,e.detail.frame)}
        @length=${e=>this.edit({type:`retime`,num_frames:Ct(e.detail,this.stride)})}
        @refuse=${e=>this.say(e.detail,!0)}
      ></timeline-tools>
    `}use(e){let t=this.selected;({undo:()=>this.undo(),redo:()=>this.redo(),split:()=>this.splitAtPlayhead(),merge:()=>this.mergeWithNext(t),duplicate:()=>this.edit({type:`duplicate`,clip:t}),remove:()=>this.edit({type:`remove`,clip:t}),earlier:()=>this.moveClip(t,-1),later:()=>this.moveClip(t,1),snap:()=>this.snaps=!this.snaps,units:()=>this.units=this.units===`frames`?`seconds`:`frames`,guesses:()=>this.toGuesses()})[e]()}ruler(e){let t=It(e.numFrames),n=Array.from({length:Math.ceil(e.numFrames/t)},(e,n)=>n*t),r=t=>{this.setPlayhead(Mt(t.clientX,this.track.getBoundingClientRect(),e.numFrames))};return b`
      <div
        class="track ruler"
        role="slider"
        tabindex="0"
        aria-label="Playhead"
        aria-valuemin="1"
        aria-valuemax=${e.numFrames}
        aria-valuenow=${this.frame+1}
        aria-valuetext=${this.placeName(this.frame)}
        @keydown=${this.playheadKey}
        @pointerdown=${e=>{r(e),this.drag(e,r)}}
      >
        ${n.map(t=>b`<span ${B({left:z(t,e.numFrames)})}>
              ${Lt(t,e.interval,this.units)}
            </span>`)}
        <div class="playhead" ${B({left:z(this.frame+.5,e.numFrames)})}></div>
      </div>
    `}anchorTrack(e){let t=new Set(e.anchors.map(e=>e.frame));return b`
      <div class="track anchors">
        ${this.candidates.map((e,t)=>({number:t+2,...e})).filter(n=>!t.has(n.position-1)&&n.position<=e.numFrames).map(t=>this.ghostPin(t,e))} ${Jt(e).map(t=>this.pin(t,e))}
      </div>
    `}ghostPin(e,t){let n=e.reasoning?`: ${e.reasoning}`:``;return b`
      <button
        class="ghost"
        ${B({left:z(e.position-.5,t.numFrames)})}
        title="Frame ${e.position}${n}"
        aria-label="Idea ${e.number}: place the image at frame ${e.position}${n}"
        @click=${()=>this.take(e)}
      >
        ${e.number}
      </button>
    `}take(e){e.narrative?this.replace(e.narrative,`Idea ${e.number} is on the timeline.`):this.edit({type:`move_anchor`,frame:e.position-1}),this.dispatchEvent(new CustomEvent(`candidate`,{detail:e,bubbles:!0,composed:!0}))}pin(e,t){let{frame:n,image:r}=e,i=this.images[r],a=(e,t)=>{let{numFrames:n}=this.history.present;this.moveAnchor(r,Mt(e.clientX,this.track.getBoundingClientRect(),n),t)};return b`
      <div
        class="pin"
        ${B({left:z(n+.5,t.numFrames)})}
        role="slider"
        tabindex="0"
        aria-label=${t.anchors.length>1?`Image ${r+1}`:`Image`}
        aria-valuemin="1"
        aria-valuemax=${t.numFrames}
        aria-valuenow=${n+1}
        aria-valuetext=${this.placeName(n)}
        @keydown=${t=>this.anchorKey(t,e)}
        @pointerdown=${e=>this.drag(e,a)}
      >
        <div class="head" ${B({"background-image":i?`url("${i}")`:`none`})}>
          ${i?S:n+1}
        </div>
      </div>
    `}clipTrack(e){let t=new Set(Tt(e,this.stride)),n=new Set(e.anchors.map(t=>F(e,t.frame)));return b`
      <div class="track clips">
        ${e.clips.map((r,i)=>b`
            <button
              class="clip ${n.has(i)?`anchored`:``} ${t.has(i)?`unread`:``}"
              ${B({left:z(r.start,e.numFrames),width:z(P(r),e.numFrames),"--hue":Gt(i)})}
              aria-pressed=${i===this.selected}
              aria-label="Clip ${i+1}, frames ${r.start+1} to ${r.end}: ${r.description}"
              @click=${()=>this.selected=this.reordered?this.selected:i}
              @pointerdown=${e=>this.dragClip(e,i)}
              @focus=${()=>this.selected=i}
              @dblclick=${()=>this.focusText(i)}
              @keydown=${e=>this.clipKey(e,i)}
            >
              <span class="text">${r.description}</span>
            </button>
          `)}
        ${e.clips.slice(1).map((t,n)=>this.edgeHandle(n,t.start,e))}
      </div>
    `}edgeHandle(e,t,n){let r=n.clips[e],i=n.clips[e+1];return b`
      <div
        class="edge"
        ${B({left:z(t,n.numFrames)})}
        role="slider"
        tabindex="0"
        aria-label="Edge between clips ${e+1} and ${e+2}"
        aria-valuemin=${r.start+2}
        aria-valuemax=${i.end}
        aria-valuenow=${t+1}
        aria-valuetext="Clip ${e+2} begins at ${this.placeName(t)}"
        @keydown=${t=>this.edgeKey(t,e)}
        @pointerdown=${t=>this.dragEdge(t,e)}
      ></div>
    `}latentTrack(e){let t=Ct(e.numFrames,this.stride),n=wt(vt(e,t),this.stride);return b`
      <div class="track latent" title="Latent frames, in the colour of the clip that each reads" aria-hidden="true">
        ${St(t,this.stride).map(({start:e,end:r},i)=>b`
            <span
              ${B({left:z(e,t),width:z(r-e,t),"--hue":Gt(n[i])})}
            ></span>
          `)}
      </div>
    `}retell(e){this.dispatchEvent(new CustomEvent(`retell`,{detail:e,bubbles:!0,composed:!0}))}describe(e){let{clip:t,description:n}=e.detail;this.edit({type:`set_description`,clip:t,description:n},`text ${t}`)}toGuesses(){let e=`guess ${++this.drags}`;for(let{image:t}of this.history.present.anchors){let n=this.guesses[t];n!==void 0&&this.moveAnchor(t,n-1,e)}}setStyle(e){this.edit({type:`set_style`,style:e.target.value})}placeName(e){let{interval:t}=this.history.present;return this.units===`frames`?`frame ${e+1}`:`${(e*t).toFixed(1)} seconds`}};V([O({attribute:!1})],W.prototype,`images`,void 0),V([O({attribute:!1})],W.prototype,`candidates`,void 0),V([O({attribute:!1})],W.prototype,`guesses`,void 0),V([O({type:Number})],W.prototype,`stride`,void 0),V([O({type:Boolean,attribute:`can-retell`})],W.prototype,`canRetell`,void 0),V([O({type:Number})],W.prototype,`retelling`,void 0),V([k()],W.prototype,`history`,void 0),V([k()],W.prototype,`frame`,void 0),V([k()],W.prototype,`selected`,void 0),V([k()],W.prototype,`snaps`,void 0),V([k()],W.prototype,`units`,void 0),V([k()],W.prototype,`status`,void 0),V([k()],W.prototype,`refused`,void 0),V([A(`.clips`)],W.prototype,`track`,void 0),V([A(`clip-texts`)],W.prototype,`texts`,void 0),W=V([D(`reasondiff-timeline`)],W);function Yt(e,t,n){return e.type===`set_description`?``:n.numFrames===t.numFrames?e.type===`move_edge`?`Clip ${e.edge+2} begins at frame ${e.frame+1}.`:e.type===`move_anchor`||e.type===`move_image`?`The image is at frame ${e.frame+1}.`:`The story has ${n.clips.length} clips.`:`The story has ${n.numFrames} frames now.`}var Xt={prompt:``,pictures:[],narrative:null,ideas:[],seed:0,seedLocked:!1,steps:null},Zt=`reasondiff.draft`;function Qt(e){try{localStorage.setItem(Zt,JSON.stringify(e))}catch{localStorage.setItem(Zt,JSON.stringify({...e,pictures:[],ideas:[]}))}}function $t(){try{let e={...Xt,...JSON.parse(localStorage.getItem(Zt)??`{}`)};return{...e,narrative:e.narrative&&ot(e.narrative),ideas:e.ideas.map(ot)}}catch{return Xt}}function en(e){return(e.anchors??[{position:e.position??1}]).toSorted((e,t)=>(e.image??0)-(t.image??0)).map(e=>e.position)}function tn(e){return e.narrative===null||en(e.narrative).length===e.pictures.length}var nn={"storyworld-tiny":[{image:`example-vase.png`,about:`A broken vase`,prompt:`A cat plays in the room.`},{image:`example-candle.png`,about:`A snuffed candle`,prompt:`A person opens the window.`},{image:`example-bicycle.png`,about:`A bicycle`,prompt:`A car drives by.`}]};function rn(e){return nn[e??``]??[]}var G=o`
  :host {
    display: block;
    color: var(--ink);
  }
  h2 {
    font-size: 1rem;
    margin: 0 0 0.6rem;
  }
  p {
    margin: 0.4rem 0;
  }
  label {
    display: block;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    background: var(--paper);
    border: 1px solid var(--line);
    border-radius: 6px;
  }
  button {
    min-height: 38px;
    padding: 0 0.8rem;
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: var(--soft);
  }
  button.small {
    min-height: 32px;
    padding: 0 0.55rem;
    font-size: 14px;
  }
  button.main {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
    font-weight: 600;
  }
  button.main:hover:not(:disabled) {
    filter: brightness(1.12);
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  input,
  textarea {
    box-sizing: border-box;
    padding: 0.45rem 0.55rem;
    min-height: 38px;
  }
  ::placeholder {
    color: var(--soft);
    opacity: 1;
  }
  :focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    gap: 0.6rem;
    align-items: center;
    margin-top: 0.6rem;
  }
  .soft {
    color: var(--soft);
  }
  .error {
    color: var(--accent);
    font-weight: 600;
  }
  .warning {
    border-left: 3px solid var(--accent);
    padding-left: 0.6rem;
  }
`,K=class extends E{constructor(...e){super(...e),this.url=``,this.count=1,this.label=``,this.aspect=1}static{this.styles=[G,o`
      .frames {
        display: grid;
        grid-template-columns: repeat(var(--columns), 1fr);
        gap: 2px;
        border-radius: 8px;
        overflow: hidden;
        background: #000;
      }
      .frames div {
        aspect-ratio: var(--aspect);
        background-size: calc(var(--count) * 100%) 100%;
        image-rendering: pixelated;
      }
      img {
        display: none;
      }
    `]}render(){let e={"--columns":`${this.count<=4?this.count:this.count<=12?3:5}`,"--count":`${this.count}`,"--aspect":`${this.aspect}`};return b`
      <img src=${this.url} alt="" @load=${this.measure} />
      <div class="frames" role="img" aria-label=${this.label} ${B(e)}>
        ${Array.from({length:this.count},(e,t)=>{let n=this.count>1?t/(this.count-1)*100:0;return b`<div ${B({"background-image":`url("${this.url}")`,"background-position":`${n}% 0`})}></div>`})}
      </div>
    `}measure(e){let{naturalWidth:t,naturalHeight:n}=e.target;this.aspect=t/this.count/n}};V([O()],K.prototype,`url`,void 0),V([O({type:Number})],K.prototype,`count`,void 0),V([O()],K.prototype,`label`,void 0),V([k()],K.prototype,`aspect`,void 0),K=V([D(`latent-preview`)],K);var an=2e3,on=15e3,sn=class{constructor(e,t,n){this.host=e,this.client=t,this.done=n,this.models=[],this.videos=[],this.pictures=new Map,this.previews=new Map,this.locked=!1,this.offline=!1,this.more=!1,this.hidden=new Set,this.limit=30,this.timer=0,this.watched=new Map,e.addController(this)}hostConnected(){this.refresh()}hostDisconnected(){clearTimeout(this.timer),this.watched.forEach(e=>e.abort())}get model(){return this.models[0]}get listed(){return this.videos.filter(e=>!this.hidden.has(e.id))}get open(){let e=e=>e.reasondiff?.queue_position??-1;return this.listed.filter(e=>!M(e)).toSorted((t,n)=>e(t)-e(n))}hide(e,t){let n=new Set(this.hidden);t?n.add(e):n.delete(e),this.hidden=n,this.host.requestUpdate()}showOlder(){return this.limit=Math.min(this.limit+30,100),this.refresh()}async refresh(){clearTimeout(this.timer);try{let[e,t]=await Promise.all([this.client.models(),this.client.list(this.limit)]);this.models=e,this.videos=t.videos,this.more=t.more&&this.limit<100,this.offline=!1,this.locked=!1;for(let e of this.videos)this.watch(e),this.fetchPicture(e)}catch(e){this.locked=e instanceof j&&e.status===401,this.offline=!this.locked}this.host.requestUpdate(),this.timer=window.setTimeout(()=>void this.refresh(),document.hidden?on:an)}watch(e){if(M(e)||e.status===`queued`||this.watched.has(e.id))return;let t=new AbortController;this.watched.set(e.id,t),this.follow(e.id,t.signal).finally(()=>this.watched.delete(e.id))}async follow(e,t){for await(let n of this.client.events(e,t))this.videos=this.videos.map(t=>t.id===e?{...t,...n}:t),this.host.requestUpdate(),M(n)?this.setPreview(e,null):n.reasondiff?.variants?.includes(`preview`)&&this.setPreview(e,await this.client.content(e,`preview`).catch(()=>null)),n.status===`completed`&&(await this.fetchPicture(n),this.done(n))}setPreview(e,t){let n=new Map(this.previews),r=n.get(e);t?.size?n.set(e,URL.createObjectURL(t)):n.delete(e),this.previews=n,this.host.requestUpdate(),r!==void 0&&setTimeout(()=>URL.revokeObjectURL(r),2e3)}async fetchPicture(e){let t=e.status===`completed`?e.id:`${e.id} waits`;if(this.pictures.has(t))return;this.pictures=new Map(this.pictures).set(t,``);let n=e.status===`completed`?`thumbnail`:`image`,r=await this.client.content(e.id,n).catch(()=>null);if(r){let n=URL.createObjectURL(r);this.pictures=new Map(this.pictures).set(t,n).set(e.id,n),this.host.requestUpdate()}}};function cn(e){let t=Math.max(1,Math.round(e));return t<90?`${t} s`:t<5400?`${Math.round(t/60)} min`:`${(t/3600).toFixed(1)} h`}function ln(e){return e.charAt(0).toUpperCase()+e.slice(1)}function q(e){return e instanceof j?e.message:e instanceof TypeError?`The server does not answer; is it still running?`:String(e)}var un={narrate:`Telling the story`,encode:`Reading the texts`,align:`Predicting the frames`,denoise:`Step`,decode:`Drawing the frames`};function dn(e){let t=e.reasondiff??{},n=t.seed===null||t.seed===void 0?``:` (seed ${t.seed})`;switch(e.status){case`queued`:return t.queue_position?`Waiting, ${t.queue_position} before it${n}`:`Next in the queue${n}`;case`in_progress`:{let e=t.stage===`denoise`&&t.steps?` ${t.step??0} of ${t.steps}`:``,r=t.eta_s?`, ${cn(t.eta_s)} left`:``;return`${un[t.stage??``]??`Starting`}${e}${r}${n}`}case`completed`:return`Done${n}`;default:return e.error?.code===`cancelled`?`Stopped${n}`:`Failed${n}`}}var J=class extends E{constructor(...e){super(...e),this.frames=null,this.waiting=0,this.obstacle=``,this.warnings=[],this.problem=``,this.changes=!1,this.busy=!1}static{this.styles=[G,o`
      .settings {
        display: grid;
        grid-template-columns: 1.5fr 1fr 1fr;
        gap: 0.6rem;
      }
      input[type="number"] {
        width: 100%;
        margin-top: 0.2rem;
      }
      .check {
        display: flex;
        gap: 0.4rem;
        align-items: center;
        margin: 0.5rem 0;
      }
      .check input {
        min-height: 0;
        width: 1.1rem;
        height: 1.1rem;
        margin: 0;
        accent-color: var(--accent);
      }
      .cost {
        font-variant-numeric: tabular-nums;
        margin: 0.6rem 0;
      }
      button.main {
        width: 100%;
        min-height: 44px;
      }
      .row button.main {
        width: auto;
        flex: 1;
      }
    `]}render(){let{seed:e,seedLocked:t,steps:n,count:r}=this.making,i=this.model?.reasondiff?.num_inference_steps;return b`
      <div class="settings">
        <label>Seed ${this.number(`seed`,e,0,2**32-1)}</label>
        <label>Steps ${this.number(`steps`,n,1,1e3,i?String(i):``)}</label>
        <label>Videos ${this.number(`count`,r,1,8)}</label>
      </div>
      <label class="check">
        <input
          type="checkbox"
          .checked=${t}
          @change=${e=>this.send(`making`,{seedLocked:e.target.checked})}
        />
        Keep the seed for the next one
      </label>
      <p class="cost soft">${this.cost()}</p>
      ${this.warnings.map(e=>b`<p class="warning">${e}</p>`)}
      ${this.changes?b`<div class="row">
            ${this.button(`Save the change`)}<button @click=${()=>this.send(`leave`,null)}>Leave it</button>
          </div>`:this.button(r>1?`Make ${r} videos`:`Make the video`)}
      ${this.obstacle?b`<p class="soft">${this.obstacle}</p>`:S}
      ${this.problem?b`<p class="error" role="alert">${this.problem}</p>`:S}
    `}button(e){return b`<button class="main" ?disabled=${this.obstacle!==``||this.busy} @click=${()=>this.send(`make`,null)}>${e}</button>`}number(e,t,n,r,i=``){return b`<input
      type="number"
      min=${n}
      max=${r}
      placeholder=${i}
      .value=${t===null?``:String(t)}
      @change=${t=>{let i=t.target,a=(i.value===``?null:Math.min(Math.max(Math.round(Number(i.value)),n),r))??(e===`steps`?null:n);i.value=a===null?``:String(a),this.send(`making`,{[e]:a})}}
    />`}cost(){let e=this.model?.reasondiff;if(!e)return``;let t=Ct(this.frames??e.num_frames??0,e.stride??4),n=this.making.steps??e.num_inference_steps??0,r=[`${t} frames, ${(t*(e.interval??.2)).toFixed(1)} s`,`${n} steps`];e.width&&e.height&&r.push(`near ${e.width} × ${e.height}`);let i=fn(e,t,n),a=this.waiting?`, with ${this.waiting} before it`:``,o=i===null?`the first one will show how long it takes`:`about ${cn(i*(this.making.count+this.waiting))}${a}`;return`${r.join(` · `)} · ${i===null?o:ln(o)}.`}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};V([O({attribute:!1})],J.prototype,`making`,void 0),V([O({attribute:!1})],J.prototype,`model`,void 0),V([O({attribute:!1})],J.prototype,`frames`,void 0),V([O({type:Number})],J.prototype,`waiting`,void 0),V([O()],J.prototype,`obstacle`,void 0),V([O({attribute:!1})],J.prototype,`warnings`,void 0),V([O()],J.prototype,`problem`,void 0),V([O({type:Boolean})],J.prototype,`changes`,void 0),V([O({type:Boolean})],J.prototype,`busy`,void 0),J=V([D(`make-form`)],J);function fn(e,t,n){let{seconds_per_video:r,num_frames:i,num_inference_steps:a}=e;return r?r*(i?t/i:1)*(a?n/a:1):null}var Y=class extends E{constructor(...e){super(...e),this.pictures=[],this.prompt=``,this.telling=null,this.told=!1,this.problem=``,this.examples=[],this.over=!1}static{this.styles=[G,o`
      .form {
        display: grid;
        grid-template-columns: minmax(150px, 216px) 1fr;
        gap: 1rem;
      }
      .images {
        display: grid;
        gap: 0.5rem;
        align-content: start;
      }
      .images.several {
        grid-template-columns: 1fr 1fr;
      }
      .drop {
        position: relative;
        display: grid;
        place-items: center;
        align-content: center;
        gap: 0.2rem;
        min-height: 168px;
        border: 2px dashed var(--line);
        border-radius: 10px;
        text-align: center;
        padding: 0.5rem;
        cursor: pointer;
        background: var(--track);
      }
      .drop.more {
        min-height: 44px;
        font-size: 14px;
        grid-column: 1 / -1;
      }
      .drop:hover {
        border-color: var(--soft);
      }
      .drop.over,
      .drop:focus-within {
        border-color: var(--focus);
      }
      .drop strong {
        font-weight: 600;
      }
      .drop small {
        color: var(--soft);
        font-size: 13px;
      }
      .drop input {
        position: absolute;
        inset: 0;
        opacity: 0;
        cursor: pointer;
        min-height: 0;
        width: 100%;
        height: 100%;
      }
      figure {
        position: relative;
        margin: 0;
        display: grid;
        gap: 0.3rem;
        align-content: start;
      }
      figure img {
        width: 100%;
        height: 150px;
        object-fit: contain;
        border-radius: 8px;
        background: var(--track);
      }
      .several figure img {
        height: 92px;
      }
      figure > button {
        position: absolute;
        top: 4px;
        right: 4px;
        min-height: 30px;
        width: 30px;
        padding: 0;
        border-radius: 50%;
        line-height: 1;
      }
      figure .place {
        display: flex;
        gap: 0.3rem;
      }
      figure select {
        width: 100%;
        min-width: 0;
        min-height: 34px;
        font-size: 14px;
      }
      figure .place input {
        width: 4.2rem;
        min-height: 34px;
      }
      textarea {
        width: 100%;
        min-height: 92px;
        margin-top: 0.25rem;
        resize: vertical;
      }
      .examples {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        align-items: center;
        margin-top: 0.9rem;
      }
      .examples span {
        width: 100%;
      }
      .examples button {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        padding: 0.25rem 0.7rem 0.25rem 0.25rem;
        font-size: 14px;
        text-align: left;
      }
      .examples img {
        width: 40px;
        height: 40px;
        border-radius: 4px;
      }
      @media (max-width: 560px) {
        .form {
          grid-template-columns: 1fr;
        }
        .drop {
          min-height: 110px;
        }
      }
    `]}render(){let e=this.pictures.length>0&&this.prompt.trim()!==``;return b`
      <div class="form">
        <div class="images ${this.pictures.length>1?`several`:``}">
          ${this.pictures.map((e,t)=>this.picture(e,t))} ${this.dropZone()}
        </div>
        <div>
          <label>
            What happens? It need not describe the image’s moment.
            <textarea
              .value=${this.prompt}
              placeholder="A cat plays in the room."
              @input=${e=>this.send(`prompt`,e.target.value)}
              @keydown=${t=>{t.key===`Enter`&&(t.ctrlKey||t.metaKey)&&e&&this.send(`tell`,null)}}
            ></textarea>
          </label>
          <p class="row">
            ${this.telling===null?b`<button
                  class=${this.told?``:`main`}
                  title="Ctrl Enter"
                  ?disabled=${!e}
                  @click=${()=>this.send(`tell`,null)}
                >
                  ${this.told?`Tell it anew`:`Tell the story`}
                </button>`:b`<button @click=${()=>this.send(`hush`,null)}>Stop</button>
                  <span class="soft" role="status">The narrator thinks … ${Math.round(this.telling)} s</span>`}
            ${this.hint()}
          </p>
          ${this.problem?b`<p class="error" role="alert">${this.problem}</p>`:S}
          ${this.pictures.length||this.prompt||!this.examples.length?S:this.exampleRow()}
        </div>
      </div>
    `}hint(){return this.telling!==null||this.pictures.length&&this.prompt.trim()?S:b`<span class="soft">${this.pictures.length?`Write what happens first.`:`Needs an image first.`}</span>`}exampleRow(){return b`
      <div class="examples">
        <span class="soft">No image at hand? Try one of these:</span>
        ${this.examples.map(e=>b`
            <button @click=${()=>this.send(`example`,e)}>
              <img src=${e.image} alt=${e.about} width="40" height="40" />${e.prompt}
            </button>
          `)}
      </div>
    `}dropZone(){let e=!this.pictures.length;return b`
      <label
        class="drop ${e?``:`more`} ${this.over?`over`:``}"
        @dragover=${this.dragOver}
        @dragleave=${()=>this.over=!1}
        @drop=${this.drop}
      >
        ${e?b`<strong>Drop an image here</strong><small>or several; or an MP4 or story that ReasonDiff made</small>`:b`<span>Add an image, or restore</span>`}
        <input
          type="file"
          multiple
          aria-label="Images, or an MP4 or story file to restore"
          accept="image/png,image/jpeg,image/webp,video/mp4,application/json,.json"
          @change=${this.choose}
        />
      </label>
    `}picture({url:e,place:t},n){let r=this.pictures.length>1?`Image ${n+1}`:`The image`;return b`
      <figure>
        <img src=${e} alt=${r} />
        <button aria-label="Remove ${r.toLowerCase()}" title="Remove" @click=${()=>this.send(`remove`,n)}>✕</button>
        <div class="place">
          <select
            aria-label="Where ${r.toLowerCase()} is"
            @change=${e=>this.choosePlace(e.target.value,n)}
          >
            ${pn.map(([e,n])=>b`<option value=${e} ?selected=${e===t.type}>${n}</option>`)}
          </select>
          ${t.type===`frame_index`?b`<input
                type="number"
                min="1"
                aria-label="Frame of ${r.toLowerCase()}"
                .value=${String(t.frame+1)}
                @change=${e=>this.chooseFrame(e,n)}
              />`:S}
        </div>
      </figure>
    `}choosePlace(e,t){let n=e===`frame_index`?{type:e,frame:0}:{type:e};this.send(`place`,{image:t,place:n})}chooseFrame(e,t){let n=Math.max(1,Math.round(Number(e.target.value))||1);this.send(`place`,{image:t,place:{type:`frame_index`,frame:n-1}})}dragOver(e){e.preventDefault(),this.over=!0}drop(e){e.preventDefault(),e.stopPropagation(),this.over=!1,this.take([...e.dataTransfer?.files??[]])}choose(e){let t=e.target;this.take([...t.files??[]]),t.value=``}take(e){let t=e.filter(e=>e.type.startsWith(`image/`));t.length&&this.send(`images`,t);let n=e.find(e=>!e.type.startsWith(`image/`));n&&this.send(`restore`,n)}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};V([O({attribute:!1})],Y.prototype,`pictures`,void 0),V([O()],Y.prototype,`prompt`,void 0),V([O({attribute:!1})],Y.prototype,`telling`,void 0),V([O({type:Boolean})],Y.prototype,`told`,void 0),V([O()],Y.prototype,`problem`,void 0),V([O({attribute:!1})],Y.prototype,`examples`,void 0),V([k()],Y.prototype,`over`,void 0),Y=V([D(`story-form`)],Y);var pn=[[`auto`,`Placed by the narrator`],[`first_frame`,`First frame`],[`last_frame`,`Last frame`],[`frame_index`,`At frame`]],X=class extends E{constructor(...e){super(...e),this.images=[],this.frame=0,this.playing=!1,this.timer=0}static{this.styles=[G,o`
      .stage {
        position: relative;
        display: grid;
        place-items: center;
        aspect-ratio: 4 / 3;
        max-height: 46vh;
        width: 100%;
        border-radius: 8px;
        overflow: hidden;
        background: color-mix(in srgb, var(--hue) 22%, var(--card));
      }
      img {
        width: 100%;
        height: 100%;
        min-height: 0;
        object-fit: contain;
      }
      .text {
        margin: 0;
        padding: 1.2rem;
        font-size: 1.15rem;
        line-height: 1.35;
        text-align: center;
        text-wrap: balance;
        overflow-wrap: anywhere;
      }
      .caption {
        position: absolute;
        inset: auto 0 0 0;
        padding: 0.4rem 0.8rem;
        background: rgb(0 0 0 / 70%);
        color: #fff;
        font-size: 14px;
        text-align: center;
      }
      .soft {
        margin-left: auto;
      }
    `]}toggle(){this.playing=!this.playing,clearInterval(this.timer),this.playing&&(this.timer=window.setInterval(()=>this.next(),(this.narrative.interval??.2)*1e3))}disconnectedCallback(){super.disconnectedCallback(),clearInterval(this.timer),this.playing=!1}render(){let e=L(this.narrative),t=Math.max(F(e,Math.min(this.frame,e.numFrames-1)),0),n=e.clips[t],r=mn(e,this.frame,n);return b`
      <div class="stage" ${B({"--hue":Gt(t)})}>
        ${r!==null&&this.images[r]?b`<img src=${this.images[r]} alt="The image, at its place" />
              <div class="caption">${n.description}</div>`:b`<p class="text">${n.description}</p>`}
      </div>
      <div class="row">
        <button title="Space" @click=${this.toggle}>${this.playing?`Pause`:`Play the story`}</button>
        <span class="soft">Clip ${t+1} of ${e.clips.length}</span>
      </div>
    `}next(){let e=this.narrative.num_frames;this.dispatchEvent(new CustomEvent(`frame`,{detail:(this.frame+1)%e/e}))}};V([O({attribute:!1})],X.prototype,`narrative`,void 0),V([O({attribute:!1})],X.prototype,`images`,void 0),V([O({type:Number})],X.prototype,`frame`,void 0),V([k()],X.prototype,`playing`,void 0),X=V([D(`story-reel`)],X);function mn(e,t,n){let r=e.anchors.filter(e=>e.frame>=n.start&&e.frame<n.end).toSorted((e,n)=>Math.abs(e.frame-t)-Math.abs(n.frame-t))[0];return r&&Math.abs(r.frame-t)*e.interval<=.5?r.image:null}var hn=o`
  header {
    display: flex;
    align-items: center;
    gap: 0.6rem;
    max-width: 1400px;
    margin: 0 auto;
    padding: 0.7rem 1rem 0;
  }
  h1 {
    font-size: 1.2rem;
    margin: 0;
  }
  .motto {
    margin-left: 0.4rem;
  }
  .model {
    margin-left: auto;
    font-size: 14px;
    white-space: nowrap;
  }
  .band {
    max-width: 1368px;
    margin: 0.6rem auto 0;
    padding: 0 1rem;
  }
  main {
    display: grid;
    grid-template-columns: minmax(0, 1fr) 372px;
    gap: 1rem;
    max-width: 1400px;
    margin: 0 auto;
    padding: 0.8rem 1rem 2rem;
    align-items: start;
  }
  .column {
    display: grid;
    gap: 1rem;
    min-width: 0;
  }
  section {
    background: var(--card);
    border: 1px solid var(--line);
    border-radius: 12px;
    padding: 0.9rem;
    min-width: 0;
  }
  .heading {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
  }
  .empty {
    display: grid;
    place-items: center;
    aspect-ratio: 16 / 9;
    border-radius: 8px;
    background: var(--track);
  }
  .ways {
    margin: 0;
    padding-left: 1.3rem;
    display: grid;
    gap: 0.4rem;
    max-width: 46rem;
  }
  .notice {
    position: fixed;
    left: 50%;
    bottom: 1rem;
    transform: translateX(-50%);
    display: flex;
    align-items: center;
    gap: 0.8rem;
    max-width: min(92vw, 40rem);
    padding: 0.5rem 0.6rem 0.5rem 1rem;
    border-radius: 10px;
    background: var(--ink);
    color: var(--page);
    box-shadow: 0 4px 18px rgb(0 0 0 / 30%);
    z-index: 10;
  }
  .notice button {
    background: none;
    color: inherit;
    border-color: currentcolor;
    white-space: nowrap;
  }
  @media (max-width: 940px) {
    main {
      grid-template-columns: minmax(0, 1fr);
      padding: 0.7rem;
    }
    .column {
      display: contents;
    }
    .story {
      order: 1;
    }
    .timeline {
      order: 2;
    }
    .make {
      order: 3;
    }
    .player {
      order: 4;
    }
    .takes {
      order: 5;
    }
    .motto {
      display: none;
    }
  }
`,Z=class extends E{constructor(...e){super(...e),this.videos=[],this.pictures=new Map,this.shown=[],this.more=!1}static{this.styles=[G,o`
      ul {
        list-style: none;
        margin: 0;
        padding: 0;
        display: grid;
        gap: 0.5rem;
      }
      li {
        display: grid;
        grid-template-columns: 72px 1fr;
        gap: 0.7rem;
        padding: 0.5rem;
        border: 1px solid var(--line);
        border-radius: 8px;
      }
      li.shown {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .picture {
        display: block;
        width: 72px;
        height: 72px;
        min-height: 0;
        padding: 0;
        border: 0;
        object-fit: contain;
        background: var(--track);
        border-radius: 6px;
        overflow: hidden;
      }
      .picture img {
        width: 100%;
        height: 100%;
        object-fit: contain;
        display: block;
      }
      .waits img {
        opacity: 0.55;
      }
      .prompt {
        margin: 0;
        overflow-wrap: anywhere;
        line-height: 1.3;
      }
      .state {
        margin: 0.1rem 0 0;
        font-size: 14px;
        font-variant-numeric: tabular-nums;
      }
      progress {
        width: 100%;
        height: 6px;
        margin-top: 0.3rem;
        accent-color: var(--accent);
      }
      .row {
        grid-column: 1 / -1;
        gap: 0.3rem;
        margin: 0;
      }
      .row button {
        font-size: 13px;
        padding: 0 0.45rem;
        min-height: 30px;
      }
      .error {
        font-size: 14px;
      }
      .older {
        margin-top: 0.6rem;
      }
    `]}render(){return this.videos.length?b`
      <ul>
        ${this.videos.map(e=>this.row(e))}
      </ul>
      ${this.more?b`<button class="older" @click=${()=>this.dispatchEvent(new CustomEvent(`older`))}>Show older ones</button>`:S}
    `:b`<p class="soft">Nothing yet. Every video that you make is kept here.</p>`}row(e){let t=e.status===`completed`,n=e.status===`queued`,r=this.shown.length===0||this.shown.length===1&&this.shown[0]===e.id;return b`
      <li class=${this.shown.includes(e.id)?`shown`:``} data-id=${e.id} data-status=${e.status}>
        ${this.picture(e,t)}
        <div>
          <p class="prompt">${e.prompt||`No text`}</p>
          <p class="state soft">${dn(e)}</p>
          ${e.status===`in_progress`?b`<progress max="100" value=${e.progress} aria-label="Progress"></progress>`:S}
          ${e.error&&e.error.code!==`cancelled`?b`<p class="error">${e.error.message}</p>`:S}
        </div>
        <div class="row">
          ${t?this.button(`play`,`Play`,e):S}
          ${t?this.button(`compare`,`Compare`,e,`Beside the one that is shown`,r):S}
          ${n?this.button(`sooner`,`Sooner`,e,``,!e.reasondiff?.queue_position):S}
          ${n?this.button(`later`,`Later`,e):S}
          ${n?this.button(`change`,`Change`,e,`Work on it before it is made`):this.button(`restore`,`Use its story`,e,`Its images, text, story and settings`)}
          ${this.button(`duplicate`,`Once more`,e,`The same with the next seed`)}
          ${M(e)?this.button(`remove`,`Delete`,e):this.button(`cancel`,`Stop`,e)}
        </div>
      </li>
    `}picture(e,t){let n=this.pictures.get(e.id),r=n?b`<img src=${n} alt="" />`:S;return t?b`<button class="picture" aria-label="Play ${e.prompt||`the video`}" @click=${()=>this.send(`play`,e)}>
          ${r}
        </button>`:b`<div class="picture waits" aria-hidden="true">${r}</div>`}button(e,t,n,r=``,i=!1){return b`<button class="small" title=${r} ?disabled=${i} @click=${()=>this.send(e,n)}>
      ${t}
    </button>`}send(e,t){let n={action:e,video:t};this.dispatchEvent(new CustomEvent(`take`,{detail:n}))}};V([O({attribute:!1})],Z.prototype,`videos`,void 0),V([O({attribute:!1})],Z.prototype,`pictures`,void 0),V([O({attribute:!1})],Z.prototype,`shown`,void 0),V([O({type:Boolean})],Z.prototype,`more`,void 0),Z=V([D(`take-list`)],Z);var Q=class extends E{constructor(...e){super(...e),this.shown=[],this.wipe=50,this.playing=!1,this.aspect=`16 / 9`,this.share=0,this.watching=0}static{this.styles=[G,o`
      .stage {
        position: relative;
        display: grid;
        background: #000;
        border-radius: 8px;
        overflow: hidden;
        max-height: 62vh;
        aspect-ratio: var(--aspect, 16 / 9);
        margin: 0 auto;
        width: min(100%, 720px);
        touch-action: pan-y;
      }
      .stage.two {
        cursor: ew-resize;
      }
      video {
        grid-area: 1 / 1;
        width: 100%;
        height: 100%;
        object-fit: cover;
        min-height: 0;
        min-width: 0;
      }
      .second {
        clip-path: inset(0 0 0 var(--wipe));
        background: #000;
      }
      .line {
        position: absolute;
        top: 0;
        bottom: 0;
        left: var(--wipe);
        border-left: 2px solid #fff;
        filter: drop-shadow(0 0 2px #000);
        pointer-events: none;
      }
      .side {
        position: absolute;
        top: 6px;
        padding: 1px 8px;
        border-radius: 10px;
        background: rgb(0 0 0 / 65%);
        color: #fff;
        font-size: 13px;
        pointer-events: none;
      }
      .side.right {
        right: 6px;
      }
      .side.left {
        left: 6px;
      }
      input[type="range"] {
        width: 100%;
        padding: 0;
        margin: 0.3rem 0 0;
        border: 0;
        background: none;
        accent-color: var(--accent);
      }
      .row {
        justify-content: space-between;
        gap: 0.4rem;
      }
      .about {
        overflow-wrap: anywhere;
        margin: 0.5rem 0 0;
      }
      .save {
        display: flex;
        gap: 0.3rem;
        align-items: center;
      }
      .wipe {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.6rem;
        align-items: center;
      }
    `]}seek(e){this.share=e;for(let t of[this.first,this.second])t&&Number.isFinite(t.duration)&&(t.currentTime=Math.min(e,.9999)*t.duration)}toggle(){this.playing?(this.first?.pause(),this.second?.pause()):this.first?.play().catch(()=>void 0)}disconnectedCallback(){super.disconnectedCallback(),cancelAnimationFrame(this.watching)}render(){let[e,t]=this.shown;return e?b`
      <div
        class="stage ${t?`two`:``}"
        ${B({"--wipe":`${this.wipe}%`,"--aspect":this.aspect})}
        @pointerdown=${this.grab}
        @pointermove=${this.pull}
      >
        <video
          class="first"
          src=${e.url}
          muted
          loop
          playsinline
          aria-label=${e.label}
          @loadedmetadata=${this.loaded}
          @play=${this.began}
          @pause=${()=>this.playing=!1}
        ></video>
        ${t?b`<video class="second" src=${t.url} muted loop playsinline aria-label=${t.label}></video>
              <div class="line"></div>
              <span class="side left" aria-hidden="true">A</span><span class="side right" aria-hidden="true">B</span>`:S}
      </div>
      ${t?this.wipeSlider():S}
      <input
        type="range"
        min="0"
        max="1"
        step="0.001"
        aria-label="Moment"
        .value=${String(this.share)}
        @input=${e=>this.scrub(Number(e.target.value))}
      />
      <div class="row">
        <button title="Space" @click=${this.toggle}>${this.playing?`Pause`:`Play`}</button>
        <span class="save" role="group" aria-label="Save the video">
          <span class="soft">Save</span>
          ${gn.map(([e,t,n])=>b`<button
              class="small"
              title=${n}
              aria-label="Save ${t}"
              @click=${()=>this.send(`export`,e)}
            >
              ${t}
            </button>`)}
        </span>
      </div>
      <p class="about soft">${t?b`A: ${e.label}<br />B: ${t.label}`:e.label}</p>
    `:S}wipeSlider(){return b`<label class="wipe">
      Wipe
      <input
        type="range"
        min="0"
        max="100"
        .value=${String(this.wipe)}
        @input=${e=>this.wipe=Number(e.target.value)}
      />
    </label>`}grab(e){this.shown.length===2&&e.button===0&&(this.stage.setPointerCapture(e.pointerId),this.pull(e))}pull(e){if(this.stage.hasPointerCapture(e.pointerId)){let{left:t,width:n}=this.stage.getBoundingClientRect();this.wipe=Math.min(Math.max((e.clientX-t)/n*100,0),100)}}scrub(e){this.seek(e),this.send(`frame`,e)}loaded(e){let t=e.target;this.aspect=`${t.videoWidth} / ${t.videoHeight}`,matchMedia(`(prefers-reduced-motion: reduce)`).matches||t.play().catch(()=>void 0)}began(){this.playing=!0,this.second?.play().catch(()=>void 0),this.follow()}follow(){cancelAnimationFrame(this.watching);let{first:e,second:t}=this;e&&!e.paused&&(t&&Math.abs(t.currentTime-e.currentTime)>.05&&(t.currentTime=e.currentTime),e.duration&&(this.share=e.currentTime/e.duration,this.send(`frame`,this.share)),this.watching=requestAnimationFrame(()=>this.follow()))}send(e,t){this.dispatchEvent(new CustomEvent(e,{detail:t}))}};V([O({attribute:!1})],Q.prototype,`shown`,void 0),V([k()],Q.prototype,`wipe`,void 0),V([k()],Q.prototype,`playing`,void 0),V([k()],Q.prototype,`aspect`,void 0),V([k()],Q.prototype,`share`,void 0),V([A(`video.first`)],Q.prototype,`first`,void 0),V([A(`video.second`)],Q.prototype,`second`,void 0),V([A(`.stage`)],Q.prototype,`stage`,void 0),Q=V([D(`take-player`)],Q);var gn=[[`video`,`MP4`,`The video; dropped here again, it brings everything back`],[`gif`,`GIF`,`For a message or a page`],[`contact_sheet`,`Sheet`,`A picture of its frames over its story`],[`narrative`,`Story`,`The story as a JSON file`]],_n=`reasondiff.key`,vn=2**32-1,yn=8e3,$=class extends E{constructor(...e){super(...e),this.draft=Xt,this.count=1,this.telling=null,this.retelling=-1,this.problem=``,this.makeProblem=``,this.busy=!1,this.shown=[],this.frame=0,this.notice=null,this.changing=null,this.client=new qe(`v1`,()=>sessionStorage.getItem(_n)),this.library=new sn(this,this.client,e=>this.finished(e)),this.hush=null,this.noticeTimer=0,this.turn=Promise.resolve(),this.onKey=e=>{let t=e.composedPath()[0];if(e.defaultPrevented||t.matches?.(`input:not([type=range]), textarea, select`))return;let n=e.key.toLowerCase();n===` `&&!t.matches?.(`button, a, input`)?(e.preventDefault(),(this.player??this.reel)?.toggle()):(e.ctrlKey||e.metaKey)&&(n===`z`||n===`y`)&&(e.preventDefault(),n===`y`||e.shiftKey?this.timeline?.redo():this.timeline?.undo())},this.onDrop=e=>{e.preventDefault(),this.form.take([...e.dataTransfer?.files??[]])}}static{this.styles=[G,hn]}connectedCallback(){super.connectedCallback(),this.setDraft($t()),addEventListener(`keydown`,this.onKey),addEventListener(`dragover`,Sn),addEventListener(`drop`,this.onDrop)}disconnectedCallback(){super.disconnectedCallback(),removeEventListener(`keydown`,this.onKey),removeEventListener(`dragover`,Sn),removeEventListener(`drop`,this.onDrop)}change(e){this.draft={...this.draft,...e},Qt(this.draft)}setDraft(e){let t=this.draft.narrative===null;this.change(e),e.narrative&&this.putOnTimeline(e.narrative,t)}putOnTimeline(e,t){this.updateComplete.then(()=>{t?this.timeline.value=e:this.timeline.replace(e)})}exchange(e,t){let n=this.draft;this.setDraft(e),(n.pictures.length||n.prompt||n.narrative)&&this.tellOf(t,()=>this.setDraft(n))}tellOf(e,t){clearTimeout(this.noticeTimer),this.notice={text:e,undo:t},this.noticeTimer=window.setTimeout(()=>this.notice=null,yn)}async addImages(e){this.problem=``;let t=(await Promise.all(e.map(We))).map(e=>({url:e,place:{type:`auto`}}));this.change({pictures:[...this.draft.pictures,...t]})}removeImage(e){let{pictures:t,narrative:n}=this.draft,r=t.toSpliced(e,1),i=this.draft;if(this.change({pictures:r,ideas:[]}),n&&n.anchors&&r.length){let t=n.anchors.filter(t=>(t.image??0)!==e).map(t=>({...t,image:(t.image??0)-Number((t.image??0)>e)})),{anchors:r,...i}=n;this.putOnTimeline(t.length===1?{...i,position:t[0].position}:{...i,anchors:t},!1)}this.tellOf(`The image is removed.`,()=>this.setDraft(i))}setPlace({image:e,place:t}){let n=this.draft.narrative?.num_frames,r=this.draft.narrative?en(this.draft.narrative)[e]:void 0,i=t.type===`frame_index`&&this.draft.pictures[e].place.type!==`frame_index`&&r?{type:`frame_index`,frame:r-1}:t;if(this.change({pictures:this.draft.pictures.with(e,{...this.draft.pictures[e],place:i})}),n&&i.type!==`auto`){let t={first_frame:0,last_frame:n-1,frame_index:0}[i.type];this.timeline?.place(e,i.type===`frame_index`?Math.min(i.frame,n-1):t)}}async useExample(e){let t=await(await fetch(e.image)).blob();this.change({prompt:e.prompt,pictures:[{url:await We(t),place:{type:`auto`}}]}),await this.tell()}async restore(e){this.problem=``;try{if(e.name.endsWith(`.json`)||e.type===`application/json`){let t=ot(JSON.parse(await e.text()));this.exchange({...this.draft,narrative:t,ideas:[]},`The story of ${e.name} is on the timeline.`);return}let t=await tt(e);if(t===null){this.problem=`${e.name} holds no story; give a video that ReasonDiff made, or a narrative file.`;return}this.exchange({...this.draftOf(t),seedLocked:!0},`${e.name} is as it was when it was made.`)}catch(t){let n=t instanceof N?`: ${t.message}`:`; give a narrative file or a video that ReasonDiff made.`;this.problem=`${e.name} cannot be read as a story${n}`}}draftOf(e){let t=(e.image?[e.image,...e.more_images??[]]:[]).map(e=>`data:image/png;base64,${e}`),n=e.options.num_inference_steps;return{prompt:e.prompt,pictures:t.length?t.map(e=>({url:e,place:{type:`auto`}})):this.draft.pictures,narrative:ot(e.narrative),ideas:[],seed:e.seed,seedLocked:this.draft.seedLocked,steps:typeof n==`number`&&n!==this.library.model?.reasondiff?.num_inference_steps?n:null}}async tell(){await this.asNarrator(async(e,t)=>{let{narrative:n,candidates:r}=await this.client.tell(e,this.draft.prompt,t);this.setDraft({...this.draft,narrative:n,ideas:[n,...r]})})}async retell(e){let{narrative:t,prompt:n}=this.draft;t!==null&&(this.retelling=e,await this.asNarrator(async(r,i)=>{let a=r.map(e=>({...e,place:bn})),o=await this.client.retell(a,n,t,e,i);this.timeline.replace(o.narrative,`Clip ${e+1} was told again.`)}),this.retelling=-1)}async asNarrator(e){let t=new AbortController;this.hush=t,this.problem=``,this.telling=0;let n=performance.now(),r=setInterval(()=>this.telling=(performance.now()-n)/1e3,1e3);try{await e(this.images(),t.signal)}catch(e){this.problem=t.signal.aborted?``:q(e)}finally{clearInterval(r),this.telling=null,this.hush=null}}images(){return this.draft.pictures.map(({url:e,place:t})=>({image:Ge(e),place:t}))}took(e){this.tellOf(`Idea ${e.detail.number} is on the timeline.`,()=>this.timeline.undo())}async make(){this.makeProblem=``,this.busy=!0;try{let{prompt:e,narrative:t,seed:n,seedLocked:r,steps:i}=this.draft,a=this.images().map(e=>t?{...e,place:bn}:e);for(let r=0;r<this.count;r++){let o={images:a,prompt:e,narrative:t,steps:i,seed:(n+r)%(vn+1)},s=await this.client.create(o,crypto.randomUUID());this.changing!==null&&await this.takePlaceOf(s)}this.shown=[],r||this.change({seed:(n+this.count)%(vn+1)}),await this.library.refresh()}catch(e){this.makeProblem=q(e)}finally{this.busy=!1}}async takePlaceOf(e){let t=this.library.videos.find(e=>e.id===this.changing);this.changing=null,t&&(await this.client.move(e.id,t.reasondiff?.queue_position??0).catch(()=>void 0),await this.client.remove(t.id))}async take({detail:{action:e,video:t}}){this.makeProblem=``;let n=t.reasondiff?.queue_position??0,r={play:()=>this.play(t),compare:()=>this.play(t,!0),restore:()=>this.useStory(t),change:async()=>{await this.useStory(t),this.changing=t.id},duplicate:()=>this.client.again(t,((t.reasondiff?.seed??0)+1)%(vn+1)),cancel:()=>this.client.cancel(t.id),remove:async()=>this.forget(t),sooner:()=>this.client.move(t.id,Math.max(n-1,0)),later:()=>this.client.move(t.id,n+1)};try{await r[e](),await this.library.refresh()}catch(e){this.makeProblem=q(e)}}forget(e){this.library.hide(e.id,!0),this.shown=this.shown.filter(t=>t.id!==e.id);let t=setTimeout(()=>{this.client.remove(e.id).then(()=>this.library.refresh(),t=>{this.library.hide(e.id,!1),this.makeProblem=q(t)})},yn);this.tellOf(`The video is deleted.`,()=>{clearTimeout(t),this.library.hide(e.id,!1)})}finished(e){this.shown.length||this.play(e)}play(e,t=!1){return this.turn=this.turn.catch(()=>void 0).then(()=>this.show(e,t)),this.turn}async show(e,t){let n=this.shown.find(t=>t.id===e.id)??await this.shownOf(e),r=this.shown.find(t=>t.id!==e.id);this.shown=t&&r?[r,n]:[n]}async shownOf(e){let t=await this.client.content(e.id,`video`),n=e.reasondiff?.seed??0;return{id:e.id,url:URL.createObjectURL(t),label:`${e.prompt||`No text`} (seed ${n})`}}async export(e){let[t]=this.shown;try{Ke(await this.client.content(t.id,e),`reasondiff-${t.id.slice(-8)}.${xn[e]??`json`}`)}catch(e){this.makeProblem=q(e)}}async useStory(e){let t=`The story of “${e.prompt||`No text`}” is on the timeline.`;if(e.status===`completed`){let n=await tt(await this.client.content(e.id,`video`));if(n?.image){this.exchange(this.draftOf(n),t);return}}let n=await this.client.images(e),r=await Promise.all(n.map(async({image:e,place:t})=>({url:await We(e),place:t}))),{narrative:i=null,seed:a}=e.reasondiff??{};this.exchange({...this.draft,prompt:e.prompt??``,pictures:r,narrative:i,ideas:[],seed:a??0},t)}render(){let{model:e,offline:t,locked:n}=this.library;return b`
      <header>
        <img src="./icon.svg" alt="" width="28" height="28" />
        <h1>ReasonDiff</h1>
        <span class="soft motto">An image, a text, and the story that joins them</span>
        <span class="soft model">${e?e.id:``}</span>
      </header>
      ${t?b`<p class="band error" role="alert">The server does not answer. What you have here is kept.</p>`:S}
      ${n?this.keyForm():S}
      <main>
        <div class="column work">
          <section aria-labelledby="story" class="story">
            <h2 id="story">Story</h2>
            <story-form
              .pictures=${this.draft.pictures}
              .prompt=${this.draft.prompt}
              .telling=${this.telling}
              .told=${this.draft.narrative!==null}
              .problem=${this.problem}
              .examples=${rn(e?.id)}
              @images=${e=>this.addImages(e.detail)}
              @restore=${e=>this.restore(e.detail)}
              @remove=${e=>this.removeImage(e.detail)}
              @place=${e=>this.setPlace(e.detail)}
              @prompt=${e=>this.change({prompt:e.detail})}
              @tell=${()=>this.tell()}
              @hush=${()=>this.hush?.abort()}
              @example=${e=>this.useExample(e.detail)}
            ></story-form>
          </section>
          ${this.draft.narrative?this.timelineCard(this.draft.narrative):this.timelineToBe()}
        </div>
        <div class="column result">
          <section aria-labelledby="player" class="player">
            <h2 id="player">Player</h2>
            ${this.stage()}
          </section>
          <section aria-labelledby="make" class="make">
            <h2 id="make">Video</h2>
            ${this.makeForm()}
          </section>
          <section aria-labelledby="takes" class="takes">
            <h2 id="takes">Queue and takes</h2>
            <take-list
              .videos=${this.library.listed}
              .pictures=${this.library.pictures}
              .shown=${this.shown.map(e=>e.id)}
              .more=${this.library.more}
              @take=${e=>this.take(e)}
              @older=${()=>this.library.showOlder()}
            ></take-list>
          </section>
        </div>
      </main>
      ${this.notice?this.noticeBar(this.notice):S}
    `}timelineToBe(){return b`
      <section aria-labelledby="timeline" class="timeline">
        <h2 id="timeline">Timeline</h2>
        <ol class="ways soft">
          <li>Give an image and say what happens. The image may show another moment: before, in the middle, after.</li>
          <li>The narrator works out the story and where in it your image belongs. It lies here then, clip by clip, and
            every clip, edge and place can be changed.</li>
          <li>Make the video, watch it come, and compare takes.</li>
        </ol>
      </section>
    `}timelineCard(e){let{ideas:t,pictures:n}=this.draft,r=t.map((e,t)=>({position:en(e)[0],reasoning:e.reasoning??``,narrative:e,number:t+1})),i=JSON.stringify(e.clips);return b`
      <section aria-labelledby="timeline" class="timeline">
        <div class="heading">
          <h2 id="timeline">Timeline</h2>
          <button class="small" @click=${this.saveStory}>Save story</button>
        </div>
        <reasondiff-timeline
          .images=${n.map(e=>e.url)}
          .candidates=${r.filter(e=>JSON.stringify(e.narrative.clips)!==i)}
          .guesses=${t[0]?en(t[0]):[]}
          .stride=${this.library.model?.reasondiff?.stride??4}
          .canRetell=${n.length>0}
          .retelling=${this.retelling}
          @change=${e=>this.change({narrative:e.detail})}
          @playhead=${this.seeks}
          @retell=${e=>this.retell(e.detail)}
          @candidate=${this.took}
        ></reasondiff-timeline>
      </section>
    `}stage(){if(this.shown.length)return b`<take-player
        .shown=${this.shown}
        @frame=${this.follows}
        @export=${e=>this.export(e.detail)}
      ></take-player>`;let e=this.library.open.find(e=>this.library.previews.has(e.id));return e?b`
        <latent-preview
          .url=${this.library.previews.get(e.id)}
          .count=${St(e.reasondiff?.num_frames??1,this.library.model?.reasondiff?.stride??4).length}
          label="The video as it is after this step, one picture per latent frame"
        ></latent-preview>
        <div class="row">
          <button @click=${()=>this.client.cancel(e.id).then(()=>this.library.refresh())}>Stop it here</button>
          <span class="soft" role="status">${dn(e)}</span>
        </div>
      `:this.draft.narrative?b`<story-reel
        .narrative=${this.draft.narrative}
        .images=${this.draft.pictures.map(e=>e.url)}
        .frame=${this.frame}
        @frame=${this.follows}
      ></story-reel>`:b`<div class="empty soft">First the story, then the video.</div>`}makeForm(){let{seed:e,seedLocked:t,steps:n,narrative:r,pictures:i,prompt:a}=this.draft,o={seed:e,seedLocked:t,steps:n,count:this.changing?1:this.count},s=this.library.open.filter(e=>e.id!==this.changing).length,c=``;return i.length?!r&&!a.trim()?c=`Needs a text.`:tn(this.draft)||(c=`The story does not place every image; tell it anew.`):c=`Needs an image.`,b`<make-form
      .making=${o}
      .model=${this.library.model}
      .frames=${r?.num_frames??null}
      .waiting=${s}
      .obstacle=${c}
      .warnings=${r?this.warningsOf(r):[]}
      .problem=${this.makeProblem}
      .changes=${this.changing!==null}
      .busy=${this.busy}
      @making=${e=>this.setMaking(e.detail)}
      @make=${()=>this.make()}
      @leave=${()=>this.changing=null}
    ></make-form>`}warningsOf(e){let t=Tt(L(e),this.library.model?.reasondiff?.stride??4).map(e=>e+1);return t.length?[`${t.length===1?`Clip ${t[0]} is`:`Clips ${t.join(`, `)} are`} too short to be seen; make ${t.length===1?`it`:`them`} longer, or merge.`]:[]}setMaking({count:e,...t}){this.count=e??this.count,Object.keys(t).length&&this.change(t)}noticeBar(e){return b`<div class="notice" role="status">
      <span>${e.text}</span> <button class="small" @click=${()=>{this.notice=null,e.undo()}}>Take it back</button>
    </div>`}keyForm(){return b`
      <form class="row band" @submit=${e=>{e.preventDefault();let t=new FormData(e.target);sessionStorage.setItem(_n,String(t.get(`key`))),this.library.refresh()}}>
        <label>This server asks for a key <input name="key" type="password" autocomplete="off" required /></label>
        <button>Go on</button>
      </form>
    `}follows(e){if(this.timeline&&this.draft.narrative){let t=Math.floor(e.detail*this.draft.narrative.num_frames+1e-6);this.frame=t,this.timeline.playhead=t}}seeks(e){this.draft.narrative&&(this.frame=e.detail,this.player?.seek((e.detail+.5)/this.draft.narrative.num_frames))}saveStory(){let e=JSON.stringify(this.draft.narrative,null,2)+`
`;Ke(new Blob([e],{type:`application/json`}),`story.json`)}};V([k()],$.prototype,`draft`,void 0),V([k()],$.prototype,`count`,void 0),V([k()],$.prototype,`telling`,void 0),V([k()],$.prototype,`retelling`,void 0),V([k()],$.prototype,`problem`,void 0),V([k()],$.prototype,`makeProblem`,void 0),V([k()],$.prototype,`busy`,void 0),V([k()],$.prototype,`shown`,void 0),V([k()],$.prototype,`frame`,void 0),V([k()],$.prototype,`notice`,void 0),V([k()],$.prototype,`changing`,void 0),V([A(`reasondiff-timeline`)],$.prototype,`timeline`,void 0),V([A(`take-player`)],$.prototype,`player`,void 0),V([A(`story-reel`)],$.prototype,`reel`,void 0),V([A(`story-form`)],$.prototype,`form`,void 0),$=V([D(`reasondiff-studio`)],$);var bn={type:`auto`},xn={video:`mp4`,gif:`gif`,contact_sheet:`png`,narrative:`json`};function Sn(e){e.preventDefault()}